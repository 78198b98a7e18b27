/** The resources that a server holds, by its own metrics. */
import { parsePrometheusText } from "../measure/prometheus-text.ts";

export interface Holdings {
  readonly residentBytes: number;
  readonly files: number;
  /** Objects of media threads: transports, tracks, cipher contexts. */
  readonly objects: number;
  /** DTLS associations. */
  readonly associations: number;
  readonly rooms: number;
  readonly participants: number;
}

export async function readHoldings(url: string): Promise<Holdings> {
  const reply = await fetch(new URL("/metrics", url));
  const samples = [...parsePrometheusText(await reply.text())];
  const sum = (name: string): number => {
    const series = samples.filter(([key]) => key === name || key.startsWith(`${name}{`));
    if (series.length === 0) throw new Error(`the server tells nothing of ${name}`);
    return series.reduce((total, [, value]) => total + value, 0);
  };
  return {
    residentBytes: sum("process_resident_memory_bytes"),
    files: sum("process_open_fds"),
    objects: sum("blindfold_media_objects"),
    associations: sum("blindfold_dtls_associations"),
    rooms: sum("blindfold_rooms"),
    participants: sum("blindfold_participants"),
  };
}
