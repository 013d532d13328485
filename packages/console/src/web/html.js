import htm from "htm";
import { h } from "preact";

/** Markup as a tagged template: every value becomes text or an attribute, never markup. */
export const html = htm.bind(h);
