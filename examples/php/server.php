<?php
// A back end that asks the session server. WAFER_URL=… php -S 127.0.0.1:3000 server.php

function ask(string $name, array $para): array
{
    // Who sends no session is not logged in: nothing to ask.
    if (in_array(null, $para, true)) {
        return ['returnCode' => 60012, 'returnMessage' => 'AUTH_FAIL'];
    }
    $body = ['version' => 1, 'componentName' => 'MA', 'interface' => ['interfaceName' => $name, 'para' => $para]];
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: application/json',
        'content' => json_encode($body, JSON_INVALID_UTF8_SUBSTITUTE),
        // A check takes milliseconds, a log-in up to 8 s (LOGIN_DEADLINE_MS).
        'timeout' => $name === 'qcloud.cam.id_skey' ? 10 : 2,
    ]]);
    $text = @file_get_contents(getenv('WAFER_URL') ?: 'http://127.0.0.1:8080/mina_auth/', false, $context);
    return json_decode((string) $text, true) ?? ['returnCode' => -1, 'returnMessage' => 'the session server does not answer'];
}

$header = fn(string $name) => $_SERVER["HTTP_X_WX_$name"] ?? null;
$answer = $_SERVER['REQUEST_URI'] === '/login'
    ? ask('qcloud.cam.id_skey', ['code' => $header('CODE')])
    : ask('qcloud.cam.auth', ['id' => $header('ID'), 'skey' => $header('SKEY')]);
// 60012 means "log in again", 40029 "this code is no good"; anything else is a failure, of which the session knows nothing.
// On 0 the user is $answer['returnData']['user_info']: here your own work begins.
http_response_code([0 => 200, 60012 => 401, 40029 => 401][$answer['returnCode']] ?? 503);
header('Content-Type: application/json');
echo json_encode($answer);
