# A back end that asks the session server. python3 server.py, with WAFER_URL and PORT in the environment.
import json, os, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAFER = os.environ.get("WAFER_URL", "http://127.0.0.1:8080/mina_auth/")
# 60012 means "log in again", 40029 "this code is no good"; anything else is a failure, of which the session knows nothing.
STATUSES = {0: 200, 60012: 401, 40029: 401}

# Seconds. A check takes milliseconds, a log-in up to 8 s (LOGIN_DEADLINE_MS).
TIMEOUTS = {"qcloud.cam.auth": 2, "qcloud.cam.id_skey": 10}


def ask(name, para):
    # Who sends no session is not logged in: nothing to ask.
    if not all(para.values()):
        return {"returnCode": 60012, "returnMessage": "AUTH_FAIL"}
    body = {"version": 1, "componentName": "MA", "interface": {"interfaceName": name, "para": para}}
    try:
        with urllib.request.urlopen(WAFER, json.dumps(body).encode(), timeout=TIMEOUTS[name]) as response:
            return json.load(response)
    except (OSError, ValueError):
        return {"returnCode": -1, "returnMessage": "the session server does not answer"}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        code, id, skey = (self.headers[name] for name in ("X-WX-Code", "X-WX-Id", "X-WX-Skey"))
        login = self.path == "/login"
        answer = ask("qcloud.cam.id_skey", {"code": code}) if login else ask("qcloud.cam.auth", {"id": id, "skey": skey})
        # On 0 the user is answer["returnData"]["user_info"]: here your own work begins.
        self.send_response(STATUSES.get(answer["returnCode"], 503))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    do_GET = do_POST


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 3000))), Handler).serve_forever()
