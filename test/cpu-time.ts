/** CPU time of this process so far, ms: unlike the clock it does not count what others on the machine do. For tests that tell linear from quadratic. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
