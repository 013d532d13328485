/** Brings the cluster up, or to the end of what a killed run has begun: each step does nothing where all is as it should be. */
import { mkdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildProgram, goPrograms } from "../go-program.ts";
import { felix, installCni } from "./calico.ts";
import { apiServer, controllerManager, etcd, nodeReady, scheduler } from "./control-plane.ts";
import { makeCredentials } from "./credentials.ts";
import { type Daemon, ensure, isCurrent, stop } from "./daemon.ts";
import { untilDnsAnswers } from "./dns.ts";
import { importImages } from "./images.ts";
import { full, minimal, type Place } from "./layout.ts";
import { withLock } from "./locked.ts";
import { obstacles, prepareMachine } from "./machine.ts";
import { fillStore, minio } from "./minio.ts";
import { containerd } from "./containerd.ts";
import { kubelet } from "./kubelet.ts";
import { kubeProxy } from "./kube-proxy.ts";
import { setUpNetwork } from "./node-network.ts";
import { applyObjects } from "./objects.ts";
import { registry } from "./registry.ts";

export type Say = (line: string) => void;

const names = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kube-proxy",
  "kubelet",
  "kubectl",
];

/** A node that has never run takes about ten seconds. */
const nodeMs = 90_000;

/** Links that give the one Kubernetes program its names. */
export async function linkPrograms(place: Place, program: string): Promise<string> {
  const folder = join(place.folder, "bin");
  const known = await readlink(join(folder, "kubectl")).catch(() => undefined);
  if (known === program) return folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // kubectl last: where it is, all are.
  for (const name of names) await symlink(program, join(folder, name));
  return folder;
}

/** API server and etcd, which waits for the disk: for benchmarks. Needs no root. */
export const upMinimal = (say: Say): Promise<void> => withLock(minimal, say, () => startMinimal(say));

export async function upFull(say: Say): Promise<void> {
  const lacking = obstacles();
  if (lacking.length > 0) throw new Error(`the test cluster can not run here:\n- ${lacking.join("\n- ")}`);
  await withLock(full, say, () => startFull(say));
}

async function startMinimal(say: Say): Promise<void> {
  const bin = await linkPrograms(minimal, await buildProgram("kubernetes", say));
  await makeCredentials(minimal);
  for (const daemon of [etcd(bin, minimal), await apiServer(bin, minimal)]) await started(daemon, minimal, say);
}

async function startFull(say: Say): Promise<void> {
  const debian = await prepareMachine(say);
  const { kubernetes, calico, minio: store, coredns } = await buildAll(say);
  const bin = await linkPrograms(full, kubernetes);
  const kubectl = join(bin, "kubectl");
  await makeCredentials(full);
  await setUpNetwork();
  await installCni(debian, dirname(calico));
  const start = (daemon: Daemon): Promise<void> => started(daemon, full, say);
  const controlPlane = async (): Promise<void> => {
    const storage = etcd(bin, full);
    // Without its storage it can not finish what it has begun.
    if (!isCurrent(storage, full.folder)) await stop(full.folder, "kube-apiserver");
    await start(storage);
    await start(await apiServer(bin, full));
    await Promise.all([start(controllerManager(bin)), start(scheduler(bin))]);
  };
  const runtime = async (): Promise<void> => {
    await start(await containerd(debian));
    await importImages(debian, coredns);
  };
  await Promise.all([controlPlane(), runtime(), registry(debian).then(start)]);
  await Promise.all([applyObjects(kubectl, dirname(calico)), kubelet(bin).then(start)]);
  await Promise.all([start(felix(dirname(calico))), kubeProxy(bin).then(start)]);
  await untilNodeReady(kubectl);
  // Its first look at the issuer's keys needs the role that `applyObjects` binds.
  await start(await minio(store));
  await Promise.all([fillStore(), untilDnsAnswers()]);
}

async function buildAll(say: Say): Promise<Record<(typeof goPrograms)[number], string>> {
  const paths: [string, string][] = [];
  for (const name of goPrograms) paths.push([name, await buildProgram(name, say)]);
  return Object.fromEntries(paths) as Record<(typeof goPrograms)[number], string>;
}

async function started(daemon: Daemon, place: Place, say: Say): Promise<void> {
  const start = Date.now();
  if (await ensure(daemon, place.folder))
    say(`${daemon.name}: started in ${((Date.now() - start) / 1000).toFixed(1)} s`);
}

async function untilNodeReady(kubectl: string): Promise<void> {
  const end = Date.now() + nodeMs;
  while (!(await nodeReady(kubectl).catch(() => false))) {
    if (Date.now() > end) throw new Error(`the node was not Ready within ${nodeMs / 1000} s: kubectl describe node`);
    await sleep(200);
  }
}
