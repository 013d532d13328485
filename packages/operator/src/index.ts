export { createOperator, type OperatorOptions } from "./operator.ts";
