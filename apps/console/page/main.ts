import { createApp } from 'vue';
import App from './app.vue';
import './element-styles.ts';
import './styles/tokens.css';
import './styles/base.css';
import { followLanguage } from './messages/index.ts';
import { createPageRouter } from './router.ts';
import { followTheme } from './theme.ts';

const reloadKey = 'wafer-console-reloaded-at';
const reloadAgainMs = 60_000;

// After an upgrade the parts that this page loads later have other names: the whole page is loaded anew, once.
addEventListener('vite:preloadError', () => {
  if (Date.now() - Number(sessionStorage.getItem(reloadKey) ?? 0) < reloadAgainMs) return;
  sessionStorage.setItem(reloadKey, String(Date.now()));
  location.reload();
});

followTheme();
followLanguage();
const router = createPageRouter();
const app = createApp(App).use(router);
// First it has to be known who is signed in: else the page would be drawn twice.
void router.isReady().then(() => app.mount('#page'));
