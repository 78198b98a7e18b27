/**
 * The test call's page: lobby, call, goodbye.
 *
 * For links and automation: `/?room=&name=&codec=VP8|VP9|H264|AV1&auto=1&watch=1&sealed=0&fit=0#passphrase`. `auto`
 * joins at once; `watch` joins without camera and microphone; `sealed=0` publishes without end-to-end encryption, to
 * see how that is marked; `fit=0` receives videos larger than their tiles. For tests, `window.blindfold` exists while
 * the call is joined. Who comes without a passphrase begins a call, and is its host.
 */
import type { VideoCodec } from "../../base/codec.ts";
import { Call } from "./call.ts";
import { FrameSealing } from "./frame-sealing.ts";
import { byId, element, showBanner, showOnly } from "./page-elements.ts";
import { CAMERA, canSend } from "./publishing.ts";
import { generatePassphrase } from "./room-keys.ts";
import type { LayerChoice, TileReport } from "./tile.ts";

interface PageForTests {
  readonly room: string;
  readonly identity: string;
  /** One for each tile, one's own first. */
  tiles(): Promise<TileReport[]>;
  /** Like the layer choice in that participant's tile. */
  setLayers(identity: string, choice: LayerChoice): Promise<void>;
  leave(): Promise<void>;
}

declare global {
  interface Window {
    blindfold?: PageForTests;
  }
}

/** Initial values, chosen at random so that two tabs rarely get the same. */
const NAMES = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Hedy", "Radia", "Ken"];
const WORDS = ["quiet", "amber", "north", "river", "linen", "maple", "stone", "cedar", "harbour", "velvet"];

const parameters = new URLSearchParams(location.search);
const form = element(document, "#join-form", HTMLFormElement);
const field = (name: string): HTMLInputElement => element(form, `[name="${name}"]`, HTMLInputElement);

/** Whoever makes the key has begun the call; an invite link brings the key along. */
const isHost = earlier().isHost ?? fragment() === "";

let call: Call | undefined;
let waiting = new AbortController();

openLobby();

function openLobby(): void {
  field("name").value = parameters.get("name") ?? earlier().name ?? randomOf(NAMES);
  field("room").value = parameters.get("room") ?? `${randomOf(WORDS)}-${randomOf(WORDS)}`;
  field("passphrase").value = fragment() || generatePassphrase();
  for (const option of form.querySelectorAll<HTMLInputElement>('[name="codec"]')) {
    option.disabled = !canSend(option.value as VideoCodec);
    if (option.value === parameters.get("codec")?.toUpperCase()) option.checked = true;
  }
  keepAddress();
  form.oninput = () => keepAddress();
  byId("new-passphrase").onclick = () => {
    field("passphrase").value = generatePassphrase();
    keepAddress();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    void join();
  };
  prepareControls();
  showOnly("lobby");
  const obstacle = reasonNotToJoin();
  if (obstacle !== null) {
    showBanner("lobby", obstacle);
    element(form, "#join", HTMLButtonElement).disabled = true;
  } else if (parameters.get("auto") === "1") form.requestSubmit();
}

function reasonNotToJoin(): string | null {
  if (!isSecureContext) {
    return `Browsers open cameras and encrypt on secure pages only. Open this one at http://localhost:${location.port}/`;
  }
  return FrameSealing.isSupported
    ? null
    : "This browser cannot encrypt frames (RTCRtpScriptTransform), so it cannot join.";
}

async function join(): Promise<void> {
  const button = element(form, "#join", HTMLButtonElement);
  button.disabled = true;
  showBanner("lobby", null);
  const { identity: earlierIdentity } = earlier();
  waiting = new AbortController();
  const { signal } = waiting;
  try {
    const codec = new FormData(form).get("codec") as VideoCodec;
    const settings = { room: field("room").value, name: field("name").value.trim(), codec };
    const media = parameters.get("watch") === "1" ? new MediaStream() : await openMedia();
    const passphrase = field("passphrase").value;
    const joined = await Call.join({
      ...settings,
      passphrase,
      earlierIdentity,
      media,
      isHost,
      waiting: { onWait: () => showOnly("waiting"), signal },
      onEnd: (reason) => void leave(reason),
      sealed: parameters.get("sealed") !== "0",
      fit: parameters.get("fit") !== "0",
    });
    if (signal.aborted) return void (await joined.leave());
    call = joined;
    keepAddress(joined.identity);
    window.blindfold = {
      room: joined.room,
      identity: joined.identity,
      tiles: () => joined.tiles(),
      setLayers: (identity, choice) => joined.setLayers(identity, choice),
      leave: () => leave(),
    };
    followDevices(media);
    document.title = `${settings.room} – Blindfold test call`;
    byId("room-name").textContent = settings.room;
    element(document, "#second-tab", HTMLAnchorElement).href = inviteLink();
    showOnly("call");
  } catch (error) {
    if (byId("lobby").hidden) showOnly("lobby");
    if (!signal.aborted) showBanner("lobby", error instanceof Error ? error.message : String(error));
  } finally {
    button.disabled = false;
  }
}

async function leave(reason?: string): Promise<void> {
  const left = call;
  call = undefined;
  delete window.blindfold;
  if (reason !== undefined) element(byId("goodbye"), "h1", HTMLElement).textContent = reason;
  showOnly("goodbye");
  await left?.leave();
  byId("banners").replaceChildren();
}

/** Camera and microphone, or whichever there is: without either, the user only watches. */
async function openMedia(): Promise<MediaStream> {
  const wishes: MediaStreamConstraints[] = [
    { video: CAMERA, audio: true },
    { video: CAMERA },
    { audio: true },
  ];
  let reason = "";
  for (const wish of wishes) {
    try {
      const media = await navigator.mediaDevices.getUserMedia(wish);
      showBanner("media", reason === "" ? null : `${reason} Joined with what there is.`);
      return media;
    } catch (error) {
      reason ||= mediaSentence(error);
    }
  }
  showBanner("media", `${reason} You can watch and listen.`);
  return new MediaStream();
}

function mediaSentence(error: unknown): string {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return "Camera and microphone are not allowed here: the browser's address bar can change that.";
    case "NotFoundError":
      return "No camera or no microphone was found.";
    case "NotReadableError":
      return "Another program holds the camera or the microphone.";
    default:
      return "Camera and microphone could not be opened.";
  }
}

/** Says when a device is unplugged or taken away, and has no button for one that is not there. */
function followDevices(media: MediaStream): void {
  const show = (): void => {
    const isMissing = (tracks: MediaStreamTrack[]) =>
      tracks.every(({ readyState }) => readyState === "ended");
    byId("mute").toggleAttribute("disabled", isMissing(media.getAudioTracks()));
    byId("camera-off").toggleAttribute("disabled", isMissing(media.getVideoTracks()));
  };
  show();
  for (const track of media.getTracks()) {
    track.addEventListener("ended", () => {
      const device = track.kind === "video" ? "camera" : "microphone";
      showBanner("media", `The ${device} has stopped. To use it or another again, leave and join again.`);
      show();
    });
  }
}

function prepareControls(): void {
  toggle("mute", (pressed) => call?.setEnabled("audio", !pressed));
  toggle("camera-off", (pressed) => call?.setEnabled("video", !pressed));
  toggle("server-view", (pressed) => {
    byId("tiles").dataset.serverView = String(pressed);
  });
  byId("leave").onclick = () => void leave();
  byId("stop-waiting").onclick = () => {
    waiting.abort();
    showOnly("lobby");
  };
  byId("rejoin").onclick = () => location.reload();
  for (const button of document.querySelectorAll<HTMLElement>(".copy-invite")) {
    button.onclick = () => void copyInvite(button);
  }
  // Others see us leave at once instead of after the ICE timeout.
  window.addEventListener("pagehide", () => void call?.leave());
  // The back button may show this page as it was, with a call that has ended.
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted && call !== undefined) location.reload();
  });
}

function toggle(id: string, onChange: (pressed: boolean) => void): void {
  const button = byId(id);
  button.onclick = () => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pressed));
    onChange(pressed);
  };
}

async function copyInvite(button: HTMLElement): Promise<void> {
  const label = button.querySelector("span") ?? button;
  label.dataset.before ??= label.textContent ?? "";
  const { before } = label.dataset;
  try {
    await navigator.clipboard.writeText(inviteLink());
  } catch {
    return showBanner("copy", "The browser lets nothing be copied. This page's address is the link, too.");
  }
  label.textContent = "Copied";
  setTimeout(() => {
    label.textContent = before;
  }, 1_500);
}

interface Earlier {
  readonly name?: string;
  readonly identity?: string;
  readonly isHost?: boolean;
}

/** Who this tab was before a reload. */
function earlier(): Earlier {
  return (history.state as Earlier | null) ?? {};
}

/**
 * Keeps room and passphrase in the address, so that a reload returns to them, and who we are beside it, since the
 * address may be given to others.
 */
function keepAddress(identity = earlier().identity): void {
  parameters.set("room", field("room").value);
  const state: Earlier = { name: field("name").value, isHost, ...(identity !== undefined && { identity }) };
  history.replaceState(state, "", `?${parameters}#${encodeURIComponent(field("passphrase").value)}`);
}

function inviteLink(): string {
  const room = new URLSearchParams({ room: field("room").value });
  return `${location.origin}/?${room}#${encodeURIComponent(field("passphrase").value)}`;
}

function fragment(): string {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
}

function randomOf(list: readonly string[]): string {
  return list[crypto.getRandomValues(new Uint32Array(1))[0]! % list.length]!;
}
