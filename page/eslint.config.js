import js from "@eslint/js";
import ts from "typescript-eslint";

export default ts.config(js.configs.recommended, ...ts.configs.strict, {
  rules: {
    // Text comes from files and other people; it is never markup.
    "no-restricted-properties": [
      "error",
      ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({
        property,
        message: "Use textContent: nothing of a label or a file name may become HTML.",
      })),
    ],
    "no-restricted-globals": ["error", "eval"],
  },
});
