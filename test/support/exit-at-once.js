// Node 20 looks for ever for the end of a socket's last request when a process ends by itself (node::Environment::CleanupHandles),
// as after a test that cuts connections. Told to exit it does not look; ava takes process.exit for a mistake.
process.on('exit', (code) => process.reallyExit(code));
