<?php
// ?bytes=N bytes, streamed: byte i is i % 251, as in the responder's download.
require __DIR__ . '/layout.php';

$left = query_number('bytes', 1000000, PHP_INT_MAX);
set_time_limit(0);
header('Content-Type: application/octet-stream');
header('Content-Disposition: attachment; filename="download.bin"');
if (($_GET['length'] ?? '') !== 'no') {
    header("Content-Length: $left");
}
$pattern = str_repeat(implode(array_map('chr', range(0, 250))), 256);
while ($left > 0 && !connection_aborted()) {
    echo $left < strlen($pattern) ? substr($pattern, 0, $left) : $pattern;
    $left -= strlen($pattern);
}
