/** The part of autocannon's interface that is used here; the package brings no types. */
declare module "autocannon" {
  function autocannon(options: autocannon.Options): Promise<autocannon.Result>;

  namespace autocannon {
    interface Options {
      readonly url: string;
      readonly connections: number;
      /** Seconds. */
      readonly duration: number;
      readonly headers: Readonly<Record<string, string>>;
    }

    interface Result {
      /** Milliseconds. */
      readonly latency: {
        readonly p50: number;
        readonly p90: number;
        readonly p99: number;
        readonly max: number;
      };
      /** Requests without an answer. */
      readonly errors: number;
      /** Duration in seconds. */
      readonly duration: number;
      readonly statusCodeStats: Readonly<Record<string, { readonly count: number }>>;
    }
  }

  export = autocannon;
}
