/** What an operator is told of a start that failed. */

/**
 * What to do, where the system's word for the failure does not say it. By the text and not by `code`, which Node does not keep
 * for what fails in a thread, and gives another value where a module cannot be read.
 */
const ADVICE: readonly (readonly [failure: RegExp, advice: string])[] = [
  [
    /\bEAGAIN\b/,
    "the system lets this process have no more threads: raise the limit (TasksMax of systemd, pids of a container, ulimit -u), or lower media.threads",
  ],
  [
    /\bEMFILE\b|too many open files/,
    "raise the limit of open files (LimitNOFILE of systemd, ulimit -n), or lower media.threads",
  ],
  [/\bENFILE\b/, "the whole machine has too many open files: raise fs.file-max"],
  [
    /\bENOMEM\b|out of memory/,
    "memory is limited (MemoryMax or LimitAS of systemd, memory of a container, ulimit -v): raise the limit, or lower media.threads",
  ],
  [
    /\b(?:bind|listen) EACCES\b/,
    "ports below 1024 need CAP_NET_BIND_SERVICE (AmbientCapabilities of systemd): grant it, or choose another port",
  ],
  [
    /\bEADDRNOTAVAIL\b/,
    "no interface of this machine has the address: if clients are to be told of it, it belongs in media.announcedAddresses",
  ],
  [/\bEADDRINUSE\b|database is locked/, "another process has it, maybe a server that has not ended yet"],
];

/** One line: what failed, and what can be done about it. */
export function describeStartFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const advice = ADVICE.find(([failure]) => failure.test(message))?.[1];
  return advice === undefined ? message : `${message} (${advice})`;
}
