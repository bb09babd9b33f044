<?php
// Ways in which a script fails. PHP logs to stderr here (see tools/demo/demo.py): what becomes of that is StderrMode's matter.
require __DIR__ . '/layout.php';

switch ($_GET['kind'] ?? '') {
    case 'fatal':
        this_function_does_not_exist();
        // no break: never reached
    case 'exception':
        throw new RuntimeException('nobody catches this exception');
    case 'warning':
        trigger_error('this warning goes to stderr', E_USER_WARNING);
        page_begin('A good page');
        page_end();
        break;
    case 'exit':
        header('Content-Type: text/plain; charset=utf-8');
        echo "the first half\n";
        flush();
        exit(3);
    case 'status':
        http_response_code(418);
        page_begin("418 I'm a teapot");
        echo "<p>The script chose this status, and this is its own page.</p>\n";
        page_end();
        break;
    default:
        page_begin('Ways to fail');
        $rows = [];
        foreach (['fatal', 'exception', 'warning', 'exit', 'status'] as $kind) {
            $rows[$kind] = "<a href=\"?kind=$kind\">try</a>";
        }
        table($rows);
        page_end();
}
