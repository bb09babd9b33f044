<?php
// The CGI variables that PHP gets, in their order. With ?format=text one NAME=value a line.
require __DIR__ . '/layout.php';

if (($_GET['format'] ?? '') === 'text') {
    header('Content-Type: text/plain; charset=utf-8');
    foreach ($_SERVER as $name => $value) {
        if (is_string($value)) {
            echo "$name=$value\n";
        }
    }
    exit;
}
page_begin('Environment');
$rows = [];
foreach ($_SERVER as $name => $value) {
    $rows[$name] = html(is_array($value) ? implode(' ', $value) : (string) $value);
}
table($rows);
page_end();
