/** Runs in the browser: what it lacks for a test, or has to be kept from. */

export function movingPicture(width: number, height: number): MediaStreamTrack {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d")!;
  setInterval(() => {
    context.fillStyle = `hsl(${performance.now() % 360} 90% 50%)`;
    context.fillRect(0, 0, width, height);
  }, 50);
  return canvas.captureStream(15).getVideoTracks()[0]!;
}

/** What the browser says from now on of the video that it can receive. */
export function takeOnlyVp8(): void {
  const { codecs } = RTCRtpReceiver.getCapabilities("video")!;
  const kept = codecs.filter(({ mimeType }) => mimeType === "video/VP8" || mimeType === "video/rtx");
  const limit = (connection: RTCPeerConnection): void => {
    for (const transceiver of connection.getTransceivers()) {
      const { receiver, direction } = transceiver;
      if (receiver.track.kind === "video" && direction === "recvonly") transceiver.setCodecPreferences(kept);
    }
  };
  for (const name of ["createOffer", "createAnswer"] as const) {
    const { prototype } = RTCPeerConnection;
    const describe = prototype[name] as (...options: unknown[]) => Promise<RTCSessionDescriptionInit>;
    Object.assign(prototype, {
      [name](this: RTCPeerConnection, ...options: unknown[]) {
        limit(this);
        return describe.apply(this, options);
      },
    });
  }
}

/** What `plugInSecondCamera` adds. A headless browser has one camera, or several with pictures of one size. */
export const SECOND_CAMERA = "second-camera";

/** Who asks for the second camera by its id gets a picture of 480x360. */
export function plugInSecondCamera(): void {
  const { mediaDevices } = navigator;
  const ask = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (constraints) => {
    const { audio = false, video = false } = constraints ?? {};
    const { deviceId } = Object(video) as MediaTrackConstraints;
    if (!JSON.stringify(deviceId ?? "").includes(SECOND_CAMERA)) return ask(constraints);
    const track = movingPicture(480, 360);
    const { getSettings } = track;
    // It has one size, and Firefox says that a canvas can not be asked for another.
    track.applyConstraints = () => Promise.resolve();
    track.getSettings = () => ({ ...getSettings.call(track), deviceId: SECOND_CAMERA });
    const sound = audio === false ? [] : (await ask({ audio })).getTracks();
    return new MediaStream([track, ...sound]);
  };
}

/** Every WebSocket that the SDK has opened. */
const sockets: WebSocket[] = [];
window.WebSocket = class extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    sockets.push(this);
  }
};

/** Cuts the signal connection as a network would, without the SDK knowing that it was meant. */
export function cutSockets(): void {
  for (const socket of sockets) socket.close();
}
