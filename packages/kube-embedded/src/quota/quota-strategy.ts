import { parseQuantity } from "@homeplane/kube";
import { at, isObject } from "../store/json.ts";
import type { FieldError } from "../api/api-error.ts";
import { invalidValue, notSupported, required } from "../api/field-errors.ts";
import { quantitiesAsText } from "../api/pod-resources.ts";
import type { Strategy } from "../api/resource-type.ts";
import { hardOf, OPERATORS, requirementsOf, SCOPES } from "./scopes.ts";

export const quotaStrategy: Strategy = {
  prepareCreate(quota) {
    quantitiesAsText(at(quota.spec, "hard"));
    quota.status = {};
  },
  prepareUpdate: (quota) => quantitiesAsText(at(quota.spec, "hard")),
  validate(quota) {
    const errors: FieldError[] = [];
    if (!isObject(quota.spec)) return [required("spec")];
    for (const [name, text] of Object.entries(hardOf(quota.spec))) {
      const amount = parseQuantity(text);
      const field = `spec.hard[${name}]`;
      if (amount === undefined || amount.milli < 0)
        errors.push(invalidValue(field, text, "must be a quantity that is greater than or equal to 0"));
      else if (/^(?:pods|count\/.+)$/.test(name) && amount.milli % 1000 !== 0)
        errors.push(invalidValue(field, text, "must be an integer"));
      if (!/^[a-z0-9A-Z./_-]+$/.test(name))
        errors.push(invalidValue(field, name, "must be a standard resource for quota"));
    }
    for (const [n, { scope, operator }] of requirementsOf(quota.spec).entries()) {
      if (!SCOPES.includes(scope)) errors.push(notSupported(`spec.scopes[${n}]`, scope, SCOPES));
      else if (!OPERATORS.includes(operator))
        errors.push(notSupported(`spec.scopes[${n}].operator`, operator, OPERATORS));
    }
    return errors;
  },
};
