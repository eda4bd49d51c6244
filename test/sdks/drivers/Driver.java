import com.qcloud.weapp.Configuration;
import com.qcloud.weapp.ConfigurationManager;
import com.qcloud.weapp.authorization.LoginService;
import com.qcloud.weapp.authorization.LoginServiceException;
import com.qcloud.weapp.authorization.UserInfo;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/** As driver.php, without the folder. */
public class Driver {
  public static void main(String[] args) throws Exception {
    Configuration configuration = new Configuration();
    configuration.setServerHost("example.com");
    configuration.setAuthServerUrl(args[0]);
    configuration.setTunnelServerUrl("http://127.0.0.1:9");
    configuration.setTunnelSignatureKey("unused");
    ConfigurationManager.setup(configuration);
    boolean isLogin = args[1].equals("login");
    String[] names = isLogin
      ? new String[] { "X-WX-Code", "X-WX-Encrypted-Data", "X-WX-IV" }
      : new String[] { "X-WX-Id", "X-WX-Skey" };
    Map<String, String> headers = new HashMap<>();
    for (int index = 0; index < names.length; index++) headers.put(names[index], args[2 + index]);
    StringWriter sent = new StringWriter();
    PrintWriter writer = new PrintWriter(sent, true);
    ClassLoader loader = Driver.class.getClassLoader();
    HttpServletRequest request = (HttpServletRequest) Proxy.newProxyInstance(loader,
      new Class<?>[] { HttpServletRequest.class }, (proxy, method, given) -> headers.get((String) given[0]));
    HttpServletResponse response = (HttpServletResponse) Proxy.newProxyInstance(loader,
      new Class<?>[] { HttpServletResponse.class }, (proxy, method, given) -> method.getName().equals("getWriter") ? writer : null);
    LoginService service = new LoginService(request, response);
    String said;
    try {
      UserInfo user = isLogin ? service.login() : service.check();
      said = user.getOpenId();
    } catch (LoginServiceException error) {
      said = error.getMessage();
    }
    System.out.println("\nsent: " + sent + "\ntold: " + said);
  }
}
