/** Where does the page begin? Here: the styles in their order, and the first view. */
import "./design/tokens.css";
import "./design/base.css";
import "./design/shell.css";
import "./design/search.css";
import "./design/views.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";

const page = document.getElementById("page");
if (page) {
  createRoot(page).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
