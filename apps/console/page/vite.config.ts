import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import vue from '@vitejs/plugin-vue';
import { defineConfig, type Plugin } from 'vite';

const outDir = fileURLToPath(new URL('../../../dist/apps/console/page', import.meta.url));

/** Once here instead of at every request: the console sends what stands beside a file under its name and .gz. */
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    closeBundle() {
      for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue;
        const file = join(entry.parentPath, entry.name);
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
      }
    },
  };
}

/** `npm run build` calls this when a source of the page has changed: apps/local/bootstrap.js. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [vue(), compress()],
  // A page that is built alone needs nothing of what only development tools read.
  define: { __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    // Content-Security-Policy: nothing comes as a data: URL, and no script stands in the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // In kB before compression: ECharts alone has as much. A test holds what is loaded.
    chunkSizeWarningLimit: 600,
    // What is in the bundle is passed on with it, and so are its licences.
    license: { fileName: 'licences.txt' },
  },
  // `npx vite apps/console/page`, beside a console that runs: pages change as they are written.
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/api', '/queues/board', '/sign-in/oidc'].map((path) => [
        path,
        `http://127.0.0.1:${process.env['CONSOLE_PORT'] ?? 8081}`,
      ]),
    ),
  },
});
