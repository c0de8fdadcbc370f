<?php
/* A webhook receiver to copy: PHP 8 and nothing else.
 *
 *     WEBHOOK_SECRETS="whsec_… whsec_…" INBOX=/var/lib/shop/inbox.jsonl php -S 127.0.0.1:8090 receiver.php
 *
 * A message is kept before it is answered, and worked on afterwards. The inbox is a file under a lock,
 * so that the sample needs nothing; a shop takes its database: a unique key on the message's id, and
 * the question for a newer one in the same transaction.
 */
declare(strict_types=1);

const TOLERANCE_SECONDS = 300;
const BODY_MAX = 256 * 1024;

/**
 * Whether one of our secrets signed this, at most five minutes ago.
 *
 * @param list<string> $secrets one, or two while they change
 * @param array<string, string> $headers names in lower case
 * @param string $body the raw bytes, before anything parsed them
 */
function verify(array $secrets, array $headers, string $body, ?int $now = null): bool
{
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if (!preg_match('/^[0-9]{1,12}$/D', $timestamp)) {
        return false;
    }
    if (abs(($now ?? time()) - (int) $timestamp) > TOLERANCE_SECONDS) {
        return false;
    }
    $signed = ($headers['webhook-id'] ?? '') . ".$timestamp.$body";
    $standard = explode(' ', $headers['webhook-signature'] ?? '');
    $plain = [$headers['x-signature'] ?? '', $headers['x-signature-previous'] ?? ''];
    foreach ($secrets as $secret) {
        $key = base64_decode(substr($secret, strlen('whsec_')), true);
        $expected = 'v1,' . base64_encode(hash_hmac('sha256', $signed, (string) $key, true));
        if (among($expected, $standard) && among(hash_hmac('sha256', $body, $secret), $plain)) {
            return true;
        }
    }
    return false;
}

/** Compares in constant time. @param list<string> $offered */
function among(string $expected, array $offered): bool
{
    $found = false;
    foreach ($offered as $one) {
        $found = hash_equals($expected, $one) || $found;
    }
    return $found;
}

/**
 * Keep a verified message once: "new", "repeat", or "stale" if a newer one of its object came.
 *
 * The number in webhook-id grows with every event of an object, and it is signed.
 */
function keep(string $inbox, string $id, string $body): string
{
    $facts = json_decode($body, true, 64, JSON_THROW_ON_ERROR);
    $about = explode(':', $facts['status'])[0] . ' ' . $facts['id'];
    $number = (int) substr($id, strlen('evt_'));
    $file = fopen($inbox, 'c+');
    flock($file, LOCK_EX);
    $state = 'new';
    while (($line = fgets($file)) !== false) {
        $known = json_decode($line, true, 64);
        if (!is_array($known)) {
            continue; // torn by a crash, so never answered: it comes again
        }
        if ($known['id'] === $id) {
            return 'repeat';
        }
        if ($known['about'] === $about && $known['number'] > $number) {
            $state = 'stale';
        }
    }
    $row = ['id' => $id, 'about' => $about, 'number' => $number, 'state' => $state, 'body' => $body];
    fwrite($file, "\n" . json_encode($row, JSON_THROW_ON_ERROR));
    fsync($file);
    fclose($file);
    return $state;
}

function answer(int $status, string $word): never
{
    http_response_code($status);
    header('Content-Type: text/plain');
    exit("$word\n");
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    answer(405, 'POST only');
}
$body = (string) file_get_contents('php://input', false, null, 0, BODY_MAX + 1);
if (strlen($body) > BODY_MAX) {
    answer(413, 'too large');
}
$headers = [];
foreach ($_SERVER as $name => $value) {
    if (str_starts_with($name, 'HTTP_')) {
        $headers[strtolower(strtr(substr($name, 5), '_', '-'))] = (string) $value;
    }
}
if (!verify(explode(' ', (string) getenv('WEBHOOK_SECRETS')), $headers, $body)) {
    answer(401, 'refused');
}
answer(200, keep((string) getenv('INBOX'), $headers['webhook-id'], $body));
