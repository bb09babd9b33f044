'use strict';
/* Reads /status.json each second and shows it. What hosts and their clients have written (names, URLs) goes into the page as text only.
 * Figures of a second are differences between two answers of one host, by that host's clock. */
(() => {
  const SECONDS = 120;          // that the curves show
  const QUANTILE_SECONDS = 10;  // over which p95 is taken
  const STALE_SECONDS = 4;
  const GAP_SECONDS = 15;        // without figures: the curve is broken
  const MAX_REQUESTS = 50, MAX_EXITS = 20, MAX_URL = 200;
  const SVG = 'http://www.w3.org/2000/svg';
  const SHAPES = {
    disc: 'M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1z',
    ring: 'M6 .5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zm0 2a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z',
    half: 'M6 .5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zm0 2v7a3.5 3.5 0 0 0 0-7z',
    triangle: 'M6 .5 12 11.5H0z',
    cross: 'M2.2.8 6 4.6 9.8.8l1.4 1.4L7.4 6l3.8 3.8-1.4 1.4L6 7.4l-3.8 3.8L.8 9.8 4.6 6 .8 2.2z',
    square: 'M1.5 1.5h9v9h-9z',
    diamond: 'M6 0l6 6-6 6-6-6z',
  };
  const POOL_SHAPES = {running: 'disc', draining: 'half', drained: 'ring', rapid_fail: 'triangle', broken: 'cross', closed: 'square'};
  const REQUEST_SHAPES = {running: 'disc', queued: 'ring', taking_in: 'half', lingering: 'triangle'};
  const LINK_SHAPES = {live: 'disc', waiting: 'ring', stale: 'triangle', gone: 'cross'};

  const $ = id => document.getElementById(id);
  const cards = new Map();      // "host/pool" -> {card, parts}
  const histories = new Map();  // "host/pool" -> {samples, points}
  let last = null;              // the last document
  let lastGood = 0;             // when it came, on our clock
  let failure = '';
  let linkState = 'waiting';
  const began = performance.now();

  // ---- the page, changed only where something is different: a selection stays, a screen reader is not disturbed

  /* A line breaks behind a folder rather than inside a name. */
  function setPath(element, text) {
    if (element.textContent !== text)
      element.replaceChildren(...(text.match(/[^\\/]+[\\/]*|[\\/]+/g) || []).flatMap(part => [part, make('wbr')]));
  }

  function setText(element, text) {
    text = String(text);
    if (element.textContent !== text) element.textContent = text;
  }

  function setAttribute(element, name, value) {
    if (value === null) {
      if (element.hasAttribute(name)) element.removeAttribute(name);
    } else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  }

  /* A number and, small, what belongs to it: "3 of 8". */
  function setFigure(element, value, more, className) {
    if (!element.firstElementChild) element.replaceChildren(make('span'), make('small'));
    setText(element.firstElementChild, count(value));
    setText(element.lastElementChild, more ? ' ' + more : '');
    setAttribute(element.lastElementChild, 'class', className || null);
  }

  function setHidden(element, hidden) {
    if (element.hidden !== hidden) element.hidden = hidden;
  }

  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  function makeShape() {
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('class', 'shape');
    svg.setAttribute('viewBox', '0 0 12 12');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(document.createElementNS(SVG, 'path'));
    return svg;
  }

  function setShape(svg, name) {
    setAttribute(svg.firstElementChild, 'd', SHAPES[name] || SHAPES.diamond);
  }

  function makePair(term) {
    const value = make('dd');
    return {value, element: make('div', '', make('dt', '', term), value)};
  }

  /* Control characters and marks that turn the direction of writing become visible; what is very long is cut. */
  function clean(text, most = MAX_URL) {
    const cleaned = String(text ?? '').replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd');
    return cleaned.length > most ? cleaned.slice(0, most) + '\u2026' : cleaned;
  }

  // ---- quantities

  const number = value => typeof value === 'number' && isFinite(value) ? value : 0;
  const whole = new Intl.NumberFormat('en', {maximumFractionDigits: 0});
  const count = value => whole.format(number(value));
  const words = name => clean(name, 60).replaceAll('_', ' ');

  function age(seconds) {
    const s = Math.max(0, number(seconds));
    if (s < 1) return Math.round(s * 1000) + ' ms';
    if (s < 120) return Math.floor(s) + ' s';
    if (s < 7200) return Math.floor(s / 60) + ' min';
    if (s < 172800) return Math.floor(s / 3600) + ' h';
    return Math.floor(s / 86400) + ' d';
  }

  function duration(seconds) {
    if (seconds < 0.0995) return (seconds * 1000).toPrecision(2).replace(/\.0$/, '') + ' ms';
    if (seconds < 0.9995) return Math.round(seconds * 1000) + ' ms';
    return (seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)) + ' s';
  }

  function rate(value) {
    return value < 9.95 ? String(Math.round(value * 10) / 10) : count(value);
  }

  function bytes(value) {
    let n = number(value), unit = 0;
    for (; n >= 1024 && unit < 4; unit++) n /= 1024;
    return (unit && n < 10 ? n.toFixed(1) : Math.round(n)) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit];
  }

  function plural(n, one, many) {
    return count(n) + ' ' + (n === 1 ? one : many);
  }

  // ---- history

  /* A histogram as [limit in seconds, requests up to there] with a last limit of Infinity; null: the host has none. */
  function cumulative(execution) {
    const buckets = execution && execution.buckets;
    if (!Array.isArray(buckets) || buckets.length < 2) return null;
    return buckets.map(bucket => [typeof bucket.le === 'number' ? bucket.le : Infinity, number(bucket.count)]);
  }

  /* Linear within its bucket, as Prometheus does it; the last limit when it is above that. null: nothing has ended. */
  function quantile(q, before, after) {
    if (!before || !after || before.length !== after.length) return null;
    const counts = after.map(([limit, n], i) => [limit, n - before[i][1]]);
    const total = counts[counts.length - 1][1];
    if (!(total > 0)) return null;
    const rank = q * total;
    const index = counts.findIndex(([, n]) => n >= rank);
    if (index < 0) return null;
    const low = index > 0 ? counts[index - 1] : [0, 0];
    if (counts[index][0] === Infinity) return low[0];
    const inside = counts[index][1] - low[1];
    return low[0] + (counts[index][0] - low[0]) * (inside > 0 ? (rank - low[1]) / inside : 1);
  }

  function remember(key, pool, time) {
    const sample = {time, requests: number(pool.totals && pool.totals.requests), since: pool.started_unix,
      buckets: cumulative(pool.execution)};
    let history = histories.get(key);
    if (!history) histories.set(key, history = {samples: [], points: []});
    const before = history.samples[history.samples.length - 1];
    if (before && before.time === time) return history;
    if (before && (time < before.time || sample.requests < before.requests || sample.since !== before.since)) {
      history.samples = [];
      history.points = [];
    }
    const previous = history.samples[history.samples.length - 1];
    history.samples.push(sample);
    if (previous) {
      const first = history.samples.find(one => time - one.time <= QUANTILE_SECONDS) || previous;
      history.points.push({
        time,
        rate: (sample.requests - previous.requests) / (time - previous.time),
        p95: quantile(0.95, first.buckets, sample.buckets),
        queue: number(pool.requests && pool.requests.queued),
      });
    }
    history.samples = history.samples.filter(one => time - one.time <= QUANTILE_SECONDS + 2);
    history.points = history.points.filter(one => time - one.time <= SECONDS);
    return history;
  }

  // ---- curves

  const WIDTH = 240, HEIGHT = 28;

  /* One path for each stretch without a gap. */
  function drawCurve(trend, points, name, now, format, least, has) {
    const known = points.filter(point => point[name] !== null);
    const peak = known.reduce((most, point) => Math.max(most, point[name]), 0);
    const top = Math.max(peak, least);
    let line = '', area = '', open = null;
    points.forEach((point, i) => {
      const gap = i > 0 && point.time - points[i - 1].time > GAP_SECONDS;
      if (open && (gap || point[name] === null)) {
        area += `L${open.x} ${HEIGHT}Z`;
        open = null;
      }
      if (point[name] === null) return;
      const x = (WIDTH - (now - point.time) * WIDTH / SECONDS).toFixed(1);
      const y = (HEIGHT - 1 - point[name] / top * (HEIGHT - 3)).toFixed(1);
      line += open ? `L${x} ${y}` : `M${x} ${y}h0`; // h0: one that stands alone is a dot
      area += (open ? 'L' : `M${x} ${HEIGHT}L`) + x + ' ' + y;
      open = {x};
    });
    if (open) area += `L${open.x} ${HEIGHT}Z`;
    setAttribute(trend.curve, 'd', line || 'M0 0');
    setAttribute(trend.area, 'd', area || 'M0 0');
    const latest = points.length ? points[points.length - 1][name] : null;
    setText(trend.value, latest === null ? (has ? '\u2013' : 'n/a') : format(latest));
    setText(trend.peak, known.length ? 'max ' + format(peak) : '');
    setAttribute(trend.svg, 'aria-label', known.length === 0 ? trend.label + ': nothing measured yet'
      : `${trend.label} in the last ${age(Math.max(1, now - known[0].time))}: now ${latest === null ? 'none' : format(latest)}, highest ${format(peak)}`);
  }

  function makeTrend(label, title) {
    const svg = document.createElementNS(SVG, 'svg');
    const area = document.createElementNS(SVG, 'path'), curve = document.createElementNS(SVG, 'path');
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('role', 'img');
    area.setAttribute('class', 'area');
    curve.setAttribute('class', 'curve');
    svg.append(area, curve);
    const value = make('span'), peak = make('span', 'peak');
    const what = make('span', 'what', label);
    if (title) what.title = title;
    return {label, svg, area, curve, value, peak, element: make('div', 'trend', what, svg, make('div', 'now', value, ' ', peak))};
  }

  // ---- cards

  function makeCard() {
    const title = make('h3'), host = make('span', 'host'), shape = makeShape(), state = make('span');
    const note = make('p', 'note'), program = make('p', 'program');
    const strip = make('div', 'strip'), figures = make('dl', 'figures'), totals = make('dl', 'totals');
    const segments = ['busy', 'idle', 'other'].map(name => make('i', name));
    const values = {};
    for (const [name, term, list] of [['busy', 'Busy', figures], ['idle', 'Idle', figures], ['queue', 'Queue', figures],
      ['workers', 'Workers', figures], ['requests', 'Requests', totals], ['failed', 'Failed', totals],
      ['rejected', 'Rejected', totals], ['retried', 'Retried', totals], ['starts', 'Starts', totals], ['crashes', 'Unexpected exits', totals]]) {
      values[name] = makePair(term);
      list.append(values[name].element);
    }
    strip.setAttribute('aria-hidden', 'true'); // the figures below say it
    strip.append(...segments);
    const ofTime = `95 of 100 requests of the last ${QUANTILE_SECONDS} s took no longer on their workers`;
    const trends = {rate: makeTrend('Requests/s'), p95: makeTrend('p95', ofTime), queue: makeTrend('Queue')};
    const card = make('article', 'card', make('header', '', title, host, make('span', 'state', shape, state)), note, strip, figures,
      make('div', 'trends', trends.rate.element, trends.p95.element, trends.queue.element), totals, program);
    return {card, title, host, shape, state, note, strip, segments, values, trends, totals, program};
  }

  function setSegment(segment, share) {
    const width = (share * 100).toFixed(1) + '%';
    if (segment.style.width !== width) segment.style.width = width;
  }

  function showWorkers(parts, pool) {
    const workers = pool.workers || {}, limit = number(workers.maximum);
    const busy = number(workers.busy), idle = number(workers.idle), current = number(workers.current);
    const all = Math.max(limit, current, 1);
    [busy, idle, Math.max(0, current - busy - idle)].forEach((n, i) => setSegment(parts.segments[i], n / all));
    setText(parts.values.busy.value, count(busy));
    setText(parts.values.idle.value, count(idle));
    setText(parts.values.queue.value, count(pool.requests && pool.requests.queued));
    setFigure(parts.values.workers.value, current, 'of ' + count(limit));
  }

  function showTotals(parts, pool) {
    const totals = pool.totals || {};
    const causes = Object.entries(totals.failed_by_cause || {}).map(([cause, n]) => `${words(cause)} ${count(n)}`).join(', ');
    for (const [name, value, wrong] of [['requests', totals.requests], ['failed', totals.failed, true], ['rejected', totals.rejected, true],
      ['retried', totals.retried], ['starts', totals.starts], ['crashes', totals.unexpected_exits, true]]) {
      setText(parts.values[name].value, count(value));
      setAttribute(parts.values[name].element, 'class', wrong && number(value) > 0 ? 'wrong' : null);
      setHidden(parts.values[name].element, name !== 'requests' && name !== 'failed' && number(value) === 0);
    }
    setAttribute(parts.values.failed.element, 'title', causes || null);
  }

  function noteOf(pool, host) {
    if (!host.answers)
      return `The host does not answer: figures are ${age(hostAge(host))} old.`;
    const old = pool.recycle && number(pool.recycle.old_workers);
    return clean(pool.note || (old ? `recycling, ${plural(old, 'old worker', 'old workers')} left` : ''));
  }

  function moodOf(pool, host) {
    if (!host.answers) return 'warning';
    return {bad: 'bad', warning: 'warning', busy: 'busy'}[pool.trouble] || 'good';
  }

  function showPool(key, pool, host, several, now) {
    let parts = cards.get(key);
    if (!parts) cards.set(key, parts = makeCard());
    const state = pool.broken ? 'broken' : String(pool.state), note = noteOf(pool, host);
    const history = histories.get(key), points = history ? history.points : [];
    setText(parts.title, clean(pool.name, 80));
    setText(parts.host, several ? 'host ' + host.pid : '');
    setText(parts.state, words(state) + (host.answers ? '' : ' when last seen'));
    setShape(parts.shape, POOL_SHAPES[state]);
    setAttribute(parts.card, 'data-mood', moodOf(pool, host));
    setAttribute(parts.card, 'data-state', state);
    setAttribute(parts.card, 'data-old', host.answers ? null : '');
    setAttribute(parts.card, 'aria-label', 'Pool ' + clean(pool.name, 80) + (several ? ' of host ' + host.pid : ''));
    setText(parts.note, note);
    setHidden(parts.note, note === '');
    showWorkers(parts, pool);
    showTotals(parts, pool);
    drawCurve(parts.trends.rate, points, 'rate', now, rate, 1, true);
    drawCurve(parts.trends.p95, points, 'p95', now, duration, 0.001, Boolean(pool.execution));
    drawCurve(parts.trends.queue, points, 'queue', now, count, 1, true);
    setPath(parts.program, clean(pool.program));
    return parts;
  }

  function showPools(document_) {
    const hosts = new Map(document_.hosts.map(host => [host.pid, host]));
    const list = document.querySelector('#pools .cards'), seen = new Set();
    const pools = document_.pools.filter(pool => hosts.has(pool.host))
      .sort((a, b) => String(a.name).localeCompare(String(b.name), 'en') || a.host - b.host);
    const sums = {rate: 0, running: 0, queued: 0, busy: 0, limit: 0, trouble: 0};
    pools.forEach((pool, i) => {
      const key = pool.host + '/' + pool.name, host = hosts.get(pool.host);
      const time = number(host.server && host.server.now_unix);
      const history = remember(key, pool, time), point = history.points[history.points.length - 1];
      const parts = showPool(key, pool, host, document_.hosts.length > 1, time + (host.answers ? 0 : hostAge(host)));
      if (list.children[i] !== parts.card) list.insertBefore(parts.card, list.children[i] || null);
      seen.add(key);
      sums.rate += point && host.answers ? point.rate : 0;
      sums.running += number(pool.requests && pool.requests.running);
      sums.queued += number(pool.requests && pool.requests.queued);
      sums.busy += number(pool.workers && pool.workers.busy);
      sums.limit += number(pool.workers && pool.workers.maximum);
      sums.trouble += moodOf(pool, host) === 'bad';
    });
    for (const [key, parts] of cards)
      if (!seen.has(key)) {
        parts.card.remove();
        cards.delete(key);
        histories.delete(key);
      }
    const empty = document.querySelector('#pools .empty');
    setHidden(empty, pools.length > 0);
    setText(empty, document_.hosts.length > 0 ? 'The hosts have no pools: see fcgictl config check.'
      : 'No host is running. IIS loads the extension at the first request for one of its pages.');
    setText($('sum-rate'), rate(sums.rate));
    setText($('sum-running'), count(sums.running));
    setText($('sum-queued'), count(sums.queued));
    setFigure($('sum-busy'), sums.busy, 'of ' + count(sums.limit));
    setFigure($('sum-pools'), pools.length, sums.trouble ? count(sums.trouble) + ' in trouble' : '', 'wrong');
    return sums;
  }

  // ---- tables: a row a place, filled anew

  function cell(row, index, name, text, className) {
    const element = row.children[index];
    setText(element, text);
    setAttribute(element, 'class', className || null);
    setAttribute(element, 'data-name', name || null);
    return element;
  }

  function showRows(section, items, most, total, columns, fill) {
    const body = section.querySelector('tbody'), shown = Math.min(items.length, most);
    while (body.children.length > shown) body.lastElementChild.remove();
    while (body.children.length < shown) {
      const row = make('tr');
      row.setAttribute('role', 'row');
      for (let i = 0; i < columns; i++) {
        const element = make('td');
        element.setAttribute('role', 'cell');
        row.append(element);
      }
      body.append(row);
    }
    for (let i = 0; i < shown; i++) fill(body.children[i], items[i]);
    setHidden(section.querySelector('table'), shown === 0);
    setHidden(section.querySelector('.empty'), shown > 0);
    setText(section.querySelector('.count'), shown > 0 ? count(total) : '');
    const more = section.querySelector('.more');
    setHidden(more, total <= shown);
    setText(more, `and ${count(total - shown)} more: fcgictl ${section.id} lists them`);
  }

  function stateCell(row, index, text, shape, className) {
    const element = row.children[index];
    if (!element.firstElementChild) element.append(makeShape(), make('span'));
    setShape(element.firstElementChild, shape);
    setText(element.lastElementChild, text);
    setAttribute(element, 'class', className || null);
  }

  function showRequests(document_) {
    const items = [...document_.requests].sort((a, b) => number(b.age_seconds) - number(a.age_seconds));
    showRows($('requests'), items, MAX_REQUESTS, Math.max(number(document_.request_total), items.length), 6, (row, request) => {
      cell(row, 0, '', clean(request.pool, 80));
      stateCell(row, 1, words(request.state) + (request.waits_for_client ? ', waits for client' : ''), REQUEST_SHAPES[request.state]);
      cell(row, 2, 'age', age(request.age_seconds), 'number');
      cell(row, 3, 'worker', request.worker_pid ?? '\u2013', 'number');
      cell(row, 4, 'sent', bytes(request.sent_bytes), 'number');
      cell(row, 5, '', `${clean(request.method, 20)} ${clean(request.url_path)}`);
    });
  }

  function whyOf(exit) {
    if (exit.expected) return 'expected';
    return [words(exit.cause || 'ended'), clean(exit.code_text, 80) || clean(exit.code_hex, 20)].filter(Boolean).join(': ');
  }

  function showExits(document_) {
    const items = [...document_.exits].sort((a, b) => number(a.age_seconds) - number(b.age_seconds));
    showRows($('exits'), items, MAX_EXITS, items.length, 6, (row, exit) => {
      cell(row, 0, '', clean(exit.pool, 80));
      stateCell(row, 1, whyOf(exit), exit.expected ? 'disc' : 'triangle', exit.expected ? '' : 'bad');
      cell(row, 2, 'ago', age(exit.age_seconds), 'number');
      cell(row, 3, 'worker', exit.pid ?? '\u2013', 'number');
      cell(row, 4, 'answered', count(exit.answered), 'number');
      cell(row, 5, '', exit.url_path ? clean(exit.url_path) : '\u2013');
    });
  }

  // ---- hosts, link, news

  function hostAge(host) {
    return number(host.age_seconds) + number(last && last.age_seconds) + (lastGood ? (performance.now() - lastGood) / 1000 : 0);
  }

  function hostWords(host) {
    const server = host.server, config = server && server.config || {};
    const parts = [`${host.pid} ${clean(host.program, 60)}`];
    if (server) parts.push(`fcgiext ${clean(server.version, 20)}`, `up ${age(server.uptime_seconds)}`);
    if (host.error) parts.push(clean(host.error.message));
    else if (config.state === 'rejected') parts.push('the changed fcgiext.ini has errors and was not taken');
    else if (number(config.errors)) parts.push(plural(config.errors, 'error', 'errors') + ' in fcgiext.ini');
    return parts.join(', ');
  }

  function showHosts(document_) {
    const list = document.querySelector('#hosts .hosts');
    while (list.children.length > document_.hosts.length) list.lastElementChild.remove();
    while (list.children.length < document_.hosts.length)
      list.append(make('li', '', make('span', 'state', makeShape(), make('span')), make('span')));
    document_.hosts.forEach((host, i) => {
      const item = list.children[i], state = item.firstElementChild;
      const rejected = host.answers && host.server && host.server.config && host.server.config.state === 'rejected';
      setAttribute(item, 'data-mood', !host.answers ? 'bad' : rejected ? 'warning' : 'good');
      setShape(state.firstElementChild, !host.answers ? 'cross' : rejected ? 'triangle' : 'disc');
      setText(state.lastElementChild, host.answers ? 'answers' : 'silent');
      setText(item.lastElementChild, hostWords(host));
    });
    setHidden(document.querySelector('#hosts .empty'), document_.hosts.length > 0);
  }

  const said = {queue: [], time: -Infinity, states: new Map(), silent: new Set()};

  /* For screen readers: what changes rarely and matters; several things as one message, at most one in five seconds. */
  function say(sentence) {
    if (sentence && !said.queue.includes(sentence)) said.queue.push(sentence);
    if (said.queue.length === 0 || performance.now() - said.time < 5000) return;
    setText($('news'), said.queue.slice(0, 5).join(' '));
    said.queue = [];
    said.time = performance.now();
  }

  function sayChanges(document_) {
    const states = new Map(), silent = new Set();
    for (const pool of document_.pools) {
      const key = pool.host + '/' + pool.name, state = words(pool.broken ? 'broken' : pool.state);
      if (said.states.has(key) && said.states.get(key) !== state) say(`Pool ${clean(pool.name, 80)} is ${state}.`);
      states.set(key, state);
    }
    for (const host of document_.hosts)
      if (!host.answers) {
        silent.add(host.pid);
        if (!said.silent.has(host.pid)) say(`Host ${host.pid} does not answer.`);
      }
    said.states = states;
    said.silent = silent;
  }

  function showLink() {
    const seconds = lastGood ? (performance.now() - lastGood) / 1000 : (performance.now() - began) / 1000;
    let state = lastGood ? 'live' : 'waiting', text = lastGood ? 'live' : 'asking', banner = '';
    if (failure && (!lastGood || seconds > STALE_SECONDS)) {
      state = 'gone';
      text = 'exporter gone';
      banner = lastGood ? `The exporter does not answer. What you see is ${age(seconds)} old.` : `The exporter does not answer (${failure}).`;
    } else if (seconds > STALE_SECONDS) {
      state = 'stale';
      text = 'stale';
      banner = lastGood ? `No new figures for ${age(seconds)}: the exporter is slow, or this page was asleep.`
        : `No figures yet after ${age(seconds)}.`;
    }
    if (state !== linkState) {
      if (state === 'gone') say('The exporter does not answer. The figures are old.');
      else if (state === 'stale') say('The figures are old.');
      else if (linkState === 'gone' || linkState === 'stale') say('The figures are up to date again.');
      linkState = state;
    }
    setText($('link').lastElementChild, text);
    setShape($('link').firstElementChild, LINK_SHAPES[state]);
    for (const element of [$('link'), $('banner'), document.body]) setAttribute(element, 'data-link', state);
    setText($('banner'), banner);
    setHidden($('banner'), banner === '');
    say('');
  }

  function show(document_) {
    last = document_;
    lastGood = performance.now();
    failure = '';
    const sums = showPools(document_);
    showRequests(document_);
    showExits(document_);
    showHosts(document_);
    sayChanges(document_);
    setText($('version'), clean(document_.version, 20));
    document.title = (sums.trouble ? '(!) ' : '') + 'fcgiext';
    setAttribute(document.body, 'data-updates', number(Number(document.body.dataset.updates)) + 1);
  }

  // ---- asking

  async function ask() {
    let wait = 1000;
    const abort = new AbortController(), timer = setTimeout(() => abort.abort(), 10000);
    try {
      const response = await fetch('/status.json', {cache: 'no-store', signal: abort.signal});
      if (!response.ok) throw new Error('status ' + response.status);
      const document_ = await response.json();
      if (!['hosts', 'pools', 'requests', 'exits'].every(name => Array.isArray(document_[name]))) throw new Error('not its document');
      show(document_);
      // Just after its figures may be asked for anew.
      wait = Math.min(1000, Math.max(300, 1020 - number(document_.age_seconds) * 1000));
    } catch (error) {
      failure = error.name === 'AbortError' ? 'no answer in time' : 'no connection';
    } finally {
      clearTimeout(timer);
    }
    showLink();
    setTimeout(ask, wait);
  }

  showLink();
  setInterval(showLink, 1000);
  ask();
})();
