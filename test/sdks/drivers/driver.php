<?php
// php driver.php FOLDER_OF_THE_SDK URL login CODE DATA IV | check ID SKEY
// Prints `sent: ` and the JSON that the SDK sends to the mini program, `told: ` and what it tells the business server; an SDK may print more.
[, $folder, $url, $what] = $argv;
$names = ['login' => ['CODE', 'ENCRYPTED_DATA', 'IV'], 'check' => ['ID', 'SKEY']][$what];
foreach ($names as $index => $name) $_SERVER["HTTP_X_WX_$name"] = $argv[4 + $index];
ini_set('display_errors', 'stderr');
require "$folder/AutoLoader.php";
\QCloud_WeApp_SDK\Conf::setup(['ServerHost' => 'example.com', 'AuthServerUrl' => $url, 'TunnelServerUrl' => 'http://127.0.0.1:9', 'TunnelSignatureKey' => 'unused']);
ob_start();
$result = $what === 'login' ? \QCloud_WeApp_SDK\Auth\LoginService::login() : \QCloud_WeApp_SDK\Auth\LoginService::check();
$sent = ob_get_clean();
echo "sent: ", $sent, "\ntold: ", $result['code'] === 0 ? $result['data']['userInfo']['openId'] : $result['message'], "\n";
