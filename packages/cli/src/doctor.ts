import { homedir } from "node:os";
import { LaunchError } from "../../../scripts/bootstrap/launch-error.mjs";
import { pathsInHome, pathsOf } from "../../../scripts/bootstrap/paths.mjs";
import { doctor } from "../../../scripts/doctor/doctor.mjs";
import { HomeplaneError } from "@homeplane/runtime-kit";
import { isCheckout, root } from "./tools-folder.js";

export interface DoctorOptions {
  readonly json?: boolean;
  readonly dataDir?: string;
  readonly port?: string;
  readonly python?: string;
}

/** The launcher's own: it must also run where nothing is set up, so it is not written here. */
export async function runDoctor(options: DoctorOptions): Promise<void> {
  const paths = isCheckout ? pathsOf(root) : pathsInHome(root, homedir());
  try {
    process.exitCode = await doctor(options, {
      paths,
      env: process.env,
      print: (text) => void process.stdout.write(text),
    });
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    throw new HomeplaneError(error.code, error.message, error.nextStep, { cause: error });
  }
}
