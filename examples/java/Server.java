// A back end that asks the session server. WAFER_URL=http://127.0.0.1:8080/mina_auth/ PORT=3000 java Server.java (Java 11 or newer)
import com.sun.net.httpserver.*;
import java.net.*;
import java.net.http.*;
import java.time.Duration;

public class Server {
    static final HttpClient client = HttpClient.newHttpClient();

    /** The answer as it came: JSON that begins with its return code; empty if the session server does not answer. */
    static String ask(String name, String para) {
        // Who sends no session is not logged in: nothing to ask.
        if (para.contains(":\"\"")) return "{\"returnCode\":60012,\"returnMessage\":\"AUTH_FAIL\"}";
        // A check takes milliseconds, a log-in up to 8 s (LOGIN_DEADLINE_MS).
        int seconds = name.equals("qcloud.cam.id_skey") ? 10 : 2;
        String body = "{\"version\":1,\"componentName\":\"MA\",\"interface\":{\"interfaceName\":\"" + name + "\",\"para\":{" + para + "}}}";
        var request = HttpRequest.newBuilder(URI.create(System.getenv("WAFER_URL"))).timeout(Duration.ofSeconds(seconds));
        try {
            return client.send(request.POST(HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString()).body();
        } catch (java.io.IOException | InterruptedException failed) {
            return "";
        }
    }

    /** A header as a parameter. It comes from outside, so it has to be quoted; a JSON library does that too. */
    static String parameter(String name, HttpExchange exchange, String header) {
        String value = exchange.getRequestHeaders().getOrDefault(header, java.util.List.of("")).get(0);
        return "\"" + name + "\":\"" + value.replaceAll("\\p{Cntrl}", "").replaceAll("[\\\\\"]", "\\\\$0") + "\"";
    }

    public static void main(String[] args) throws Exception {
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT"))), 0);
        server.setExecutor(java.util.concurrent.Executors.newCachedThreadPool());
        server.createContext("/", exchange -> {
            String answer = exchange.getRequestURI().getPath().equals("/login")
                ? ask("qcloud.cam.id_skey", parameter("code", exchange, "X-WX-Code"))
                : ask("qcloud.cam.auth", parameter("id", exchange, "X-WX-Id") + "," + parameter("skey", exchange, "X-WX-Skey"));
            // 60012 means "log in again", 40029 "this code is no good"; anything else is a failure, of which the session knows nothing.
            // On 0 the user is user_info in returnData: here your own work begins.
            int status = answer.startsWith("{\"returnCode\":0,") ? 200 : answer.matches("\\{\"returnCode\":(60012|40029),.*") ? 401 : 503;
            byte[] bytes = answer.getBytes("UTF-8");
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
        server.start();
    }
}
