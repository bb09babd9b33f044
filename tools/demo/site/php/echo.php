<?php
// The body of the request, byte for byte; it is read to its end before anything is sent.
require __DIR__ . '/layout.php';

$body = fopen('php://temp', 'w+b');
$length = stream_copy_to_stream(fopen('php://input', 'rb'), $body);
rewind($body);
header('Content-Type: ' . (($_SERVER['CONTENT_TYPE'] ?? '') ?: 'application/octet-stream'));
header("X-Body-Length: $length");
fpassthru($body);
