<?php
// ?ms=N waits, then answers; with &lines=K a line each N ms.
require __DIR__ . '/layout.php';

$ms = query_number('ms', 1000, 3600 * 1000);
$lines = query_number('lines', 0, 100000);
set_time_limit(0);
header('Content-Type: text/plain; charset=utf-8');
for ($line = 1; $line <= $lines && !connection_aborted(); $line++) {
    usleep($ms * 1000);
    echo "line $line of $lines\n";
    flush();
}
if ($lines === 0) {
    usleep($ms * 1000);
    echo "waited $ms ms\n";
}
