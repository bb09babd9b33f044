<?php
// What the samples share. Each page carries X-Worker-Pid, so that a client sees which process answered.
declare(strict_types=1);

header('X-Worker-Pid: ' . getmypid());
header('Cache-Control: no-store');

function html(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

function page_begin(string $title): void
{
    header('Content-Type: text/html; charset=utf-8');
    echo "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<title>', html($title), '</title><link rel="stylesheet" href="/style.css"></head>',
        "\n<body><main><h1>", html($title), "</h1>\n";
}

function page_end(): void
{
    echo '</main><footer>PHP ', PHP_VERSION, ', process ', getmypid(), ". <a href=\"/\">All samples</a></footer></body></html>\n";
}

/** @param array<string, string> $rows already escaped */
function table(array $rows): void
{
    echo "<table><tbody>\n";
    foreach ($rows as $name => $value) {
        echo '<tr><th scope="row">', html((string) $name), '</th><td>', $value, "</td></tr>\n";
    }
    echo "</tbody></table>\n";
}

/** A number of the query string; a wrong one ends the request with 400. */
function query_number(string $name, int $default, int $most): int
{
    $text = $_GET[$name] ?? (string) $default;
    if (!is_string($text) || !preg_match('/^\d{1,18}$/D', $text) || (int) $text > $most) {
        http_response_code(400);
        page_begin('400 Bad Request');
        echo '<p>', html($name), ": a whole number from 0 to $most is wanted.</p>\n";
        page_end();
        exit;
    }
    return (int) $text;
}
