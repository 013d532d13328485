import { statfs } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";

/** What a node has for its pods. */
export interface NodeCapacity {
  /** Cores; parts of one are allowed. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  /** Bytes of the disk that the pods' folders are on. */
  readonly disk: number;
  readonly pods: number;
}

/** A kubelet's own default. */
const MAX_PODS = 110;
/** Of the memory, for homeplane itself and the system: a tenth, at most 1 GiB. */
const RESERVED_SHARE = 0.1;
const MAX_RESERVED_BYTES = 2 ** 30;

/** What this machine, or the container that we are in, has to give. */
export async function machineCapacity(folder: string): Promise<NodeCapacity> {
  const total = totalmem();
  // Without a limit the kernel says 0 or a number beyond all machines.
  const limit = process.constrainedMemory();
  const memory = limit > 0 && limit < total ? limit : total;
  const { bsize, blocks } = await statfs(folder);
  return {
    cpu: availableParallelism(),
    memory: Math.floor(memory - Math.min(memory * RESERVED_SHARE, MAX_RESERVED_BYTES)),
    disk: bsize * blocks,
    pods: MAX_PODS,
  };
}

/** By the names of pods' requests, in thousandths. */
export function allocatable({ cpu, memory, disk, pods }: NodeCapacity): ReadonlyMap<string, number> {
  return new Map([
    ["cpu", Math.floor(cpu * 1000)],
    ["memory", memory * 1000],
    ["ephemeral-storage", disk * 1000],
    ["pods", pods * 1000],
  ]);
}
