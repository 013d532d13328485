export async function runSample(): Promise<boolean> {
  return true;
}
