// A back end that asks the session server. WAFER_URL=http://127.0.0.1:8080/mina_auth/ PORT=3000 go run server.go
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

// 60012 means "log in again", 40029 "this code is no good"; anything else is a failure, of which the session knows nothing.
var statuses = map[int]int{0: 200, 60012: 401, 40029: 401}

// A check takes milliseconds, a log-in up to 8 s (LOGIN_DEADLINE_MS).
var clients = map[string]*http.Client{
	"qcloud.cam.auth":    {Timeout: 2 * time.Second},
	"qcloud.cam.id_skey": {Timeout: 10 * time.Second},
}

func ask(name string, para map[string]string) (status int, answer []byte) {
	for _, value := range para {
		if value == "" { // Who sends no session is not logged in: nothing to ask.
			return 401, []byte(`{"returnCode":60012,"returnMessage":"AUTH_FAIL"}`)
		}
	}
	call := map[string]any{"interfaceName": name, "para": para}
	body, _ := json.Marshal(map[string]any{"version": 1, "componentName": "MA", "interface": call})
	if response, err := clients[name].Post(os.Getenv("WAFER_URL"), "application/json", bytes.NewReader(body)); err == nil {
		answer, _ = io.ReadAll(response.Body)
		response.Body.Close()
	}
	envelope := struct{ ReturnCode int }{-1}
	if json.Unmarshal(answer, &envelope) != nil || statuses[envelope.ReturnCode] == 0 {
		return 503, answer
	}
	return statuses[envelope.ReturnCode], answer
}

func main() {
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, para := "qcloud.cam.auth", map[string]string{"id": r.Header.Get("X-WX-Id"), "skey": r.Header.Get("X-WX-Skey")}
		if r.URL.Path == "/login" {
			name, para = "qcloud.cam.id_skey", map[string]string{"code": r.Header.Get("X-WX-Code")}
		}
		status, answer := ask(name, para)
		// On 200 the user is user_info in returnData: here your own work begins.
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write(answer)
	})))
}
