import { defineConfig } from 'vite';

export default defineConfig({
  // Works below any path of any static host.
  base: './',
  build: {
    outDir: '../target/www',
    emptyOutDir: true,
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // Nothing of the page is ever inlined: its Content-Security-Policy allows files only.
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: {
      input: { index: 'index.html', sw: 'src/sw.ts' },
      output: {
        // A service worker answers for what is below it, and browsers look for it under one name.
        entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
  worker: { format: 'es' },
});
