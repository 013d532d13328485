export { createImageBuilder, type ImageBuilderOptions } from "./image-builder.ts";
