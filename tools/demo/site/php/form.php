<?php
// A form that posts to itself, and what came.
require __DIR__ . '/layout.php';

const UPLOAD_ERRORS = [
    UPLOAD_ERR_INI_SIZE => 'larger than upload_max_filesize of php.ini',
    UPLOAD_ERR_PARTIAL => 'came in part only',
    UPLOAD_ERR_NO_FILE => 'no file was chosen',
    UPLOAD_ERR_NO_TMP_DIR => 'PHP has no folder for uploads',
    UPLOAD_ERR_CANT_WRITE => 'PHP cannot write it to disk',
];

page_begin('Form with upload');
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $text = $_POST['text'] ?? '';
    $file = $_FILES['file'] ?? null;
    $rows = ['Bytes of the request' => html($_SERVER['CONTENT_LENGTH'] ?? '0')];
    $rows['Text'] = is_string($text) ? '<pre>' . html($text) . '</pre>' : 'not a single field';
    if (!is_array($file) || !is_int($file['error'])) {
        $rows['File'] = 'none';
    } elseif ($file['error'] !== UPLOAD_ERR_OK) {
        $rows['File'] = html(UPLOAD_ERRORS[$file['error']] ?? "error {$file['error']}");
    } else {
        $rows['File'] = html($file['name']);
        $rows['Size'] = $file['size'] . ' bytes';
        $rows['SHA-1'] = sha1_file($file['tmp_name']);
    }
    echo "<h2>What came</h2>\n";
    table($rows);
}
?>
<form method="post" enctype="multipart/form-data">
<label for="text">Text</label><input id="text" name="text" value="M&uuml;nchen &amp; more">
<label for="file">File, up to <?= html(ini_get('upload_max_filesize')) ?></label><input id="file" name="file" type="file">
<p><button>Send</button></p>
</form>
<?php
page_end();
