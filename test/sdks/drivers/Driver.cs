using System;
using System.Collections.Specialized;
using System.Web;
using QCloud.WeApp.SDK;
using QCloud.WeApp.SDK.Authorization;

/// <summary>As driver.php, without the folder.</summary>
public class Driver
{
    class Request : HttpRequestBase
    {
        readonly NameValueCollection headers = new NameValueCollection();
        public override NameValueCollection Headers { get { return headers; } }
    }

    class Response : HttpResponseBase
    {
        public override void AddHeader(string name, string value) { }
        public string Sent = "";
        public override void Write(string text) { Sent += text; }
    }

    public static void Main(string[] args)
    {
        ConfigurationManager.Setup(new Configuration
        {
            ServerHost = "example.com", AuthServerUrl = args[0], TunnelServerUrl = "http://127.0.0.1:9", TunnelSignatureKey = "unused"
        });
        var isLogin = args[1] == "login";
        var names = isLogin ? new[] { "X-WX-Code", "X-WX-Encrypted-Data", "X-WX-IV" } : new[] { "X-WX-Id", "X-WX-Skey" };
        var request = new Request();
        for (var index = 0; index < names.Length; index++) request.Headers[names[index]] = args[2 + index];
        var response = new Response();
        var service = new LoginService(request, response);
        string said;
        try { said = (isLogin ? service.Login() : service.Check()).OpenId; }
        catch (LoginServiceException error) { said = error.Message; }
        Console.WriteLine("\nsent: " + response.Sent + "\ntold: " + said);
    }
}
