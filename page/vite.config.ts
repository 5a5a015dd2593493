import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // the page may be mounted under any path
  build: {
    outDir: "../monai_ceph/page/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows no inline data
    modulePreload: false,
    rollupOptions: {
      // Names without a hash: a rebuilt page replaces its files. The server forbids caches to keep them.
      output: { entryFileNames: "assets/[name].js", assetFileNames: "assets/[name][extname]" },
    },
  },
});
