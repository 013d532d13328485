/**
 * What the components take while nothing happens, on the test cluster: memory as the kernel divides it among those who share it (PSS), processor over a
 * minute. Budget: the data plane together 500 MiB and 2 % of a core.
 */
import { onCluster } from "./cluster.ts";
import { idleComponents } from "./component-usage.ts";
import { print } from "./measure.ts";

print(await onCluster(() => idleComponents("idle")));
