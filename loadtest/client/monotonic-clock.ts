/** CLOCK_MONOTONIC in microseconds: one clock for all processes of a machine, so their timestamps are comparable. */
export function monotonicUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanoseconds / 1000);
}

const START_OF_NTP_TO_UNIX_SECONDS = 2_208_988_800;

/** Wall-clock time for RTCP: microseconds since 1900. */
export function ntpNowUs(): number {
  return (START_OF_NTP_TO_UNIX_SECONDS * 1000 + Date.now()) * 1000;
}
