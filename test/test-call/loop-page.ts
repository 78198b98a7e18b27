/**
 * Runs in Chromium: two peer connections in one page, with the test call's own worker at both ends.
 *
 * Served by `page-server.ts` beside the page's modules, whose types it is checked against here.
 */
import type { MediaKind, VideoCodec } from "../../src/base/codec.ts";
import type { FrameCounts } from "../../src/http/test-call/e2ee-messages.ts";
import { FrameSealing } from "../../src/http/test-call/frame-sealing.ts";
import { addVideo } from "../../src/http/test-call/publishing.ts";
import { deriveRoomKey } from "../../src/http/test-call/room-keys.ts";

export interface LoopSettings {
  readonly codec: VideoCodec;
  readonly mode: "seal" | "pass";
  readonly receiverPassphrase: string;
  readonly receiverThinksSender: string;
  /** Stop when as many frames have been decoded, or failed. */
  readonly frames: number;
  readonly limitMs: number;
}

export interface LoopOutcome {
  readonly video: FrameCounts;
  readonly audio: FrameCounts;
  readonly decoded: number;
  readonly audioEnergy: number;
}

declare global {
  interface Window {
    runLoop: typeof loop;
  }
}
window.runLoop = loop;

async function loop(settings: LoopSettings): Promise<LoopOutcome> {
  const sending = new FrameSealing(await deriveRoomKey("correct horse", "hall"));
  const receiving = new FrameSealing(await deriveRoomKey(settings.receiverPassphrase, "hall"));
  const [sender, receiver] = [new RTCPeerConnection(), new RTCPeerConnection()];
  sender.onicecandidate = ({ candidate }) => candidate && receiver.addIceCandidate(candidate);
  receiver.onicecandidate = ({ candidate }) => candidate && sender.addIceCandidate(candidate);

  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: 1280, height: 720 },
    audio: true,
  });
  const [camera, microphone] = [stream.getVideoTracks()[0]!, stream.getAudioTracks()[0]!];
  const video = addVideo(sender, camera, settings.codec)!;
  const audio = sender.addTransceiver(microphone, { direction: "sendonly" });
  for (const [{ sender: end }, kind] of [
    [video, "video"],
    [audio, "audio"],
  ] as const) {
    sending.attach(end, settings.mode, { identity: "alice", kind }, null, () => {});
  }
  const nothing: FrameCounts = { good: 0, failed: 0, repeated: 0, lastFailure: null };
  const counts = { video: nothing, audio: nothing };
  receiver.ontrack = ({ track, receiver: end }) => {
    const kind = track.kind as MediaKind;
    const name = { identity: settings.receiverThinksSender, kind };
    receiving.attach(end, "open", name, null, (report) => {
      counts[kind] = report.counts;
    });
    // Chromium decodes audio only where it is played, and measures its energy there.
    const player = new Audio();
    player.srcObject = new MediaStream([track]);
    if (kind === "audio") void player.play();
  };
  await sender.setLocalDescription();
  await receiver.setRemoteDescription(sender.localDescription!);
  await receiver.setLocalDescription();
  await sender.setRemoteDescription(receiver.localDescription!);

  let [decoded, audioEnergy] = [0, 0];
  for (const end = Date.now() + settings.limitMs; Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const report of (await receiver.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      if (report.kind === "video") decoded = report.framesDecoded ?? 0;
      if (report.kind === "audio") audioEnergy = report.totalAudioEnergy ?? 0;
    }
    const isDecoded = decoded >= settings.frames && counts.video.good >= settings.frames;
    const hasVideo = isDecoded || counts.video.failed >= settings.frames;
    if (hasVideo && (audioEnergy > 0 || counts.audio.failed >= settings.frames)) break;
  }
  sender.close();
  receiver.close();
  sending.end();
  receiving.end();
  for (const track of stream.getTracks()) track.stop();
  return { ...counts, decoded, audioEnergy };
}
