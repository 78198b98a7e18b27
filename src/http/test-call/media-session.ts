/** One peer connection to the server, opened by one offer and one answer (WHIP or WHEP). */
import type { OpenSession, ServerApi } from "./server-api.ts";

export class MediaSession {
  readonly connection: RTCPeerConnection;
  readonly #api: ServerApi;
  readonly #session: OpenSession;

  private constructor(connection: RTCPeerConnection, api: ServerApi, session: OpenSession) {
    this.connection = connection;
    this.#api = api;
    this.#session = session;
  }

  /**
   * The offer is sent at once, without candidates: the server is ICE-lite with a reachable address, and learns ours
   * from the checks. Throws `ApiError`; the connection is then closed.
   */
  static async open(
    connection: RTCPeerConnection,
    api: ServerApi,
    post: (offer: string) => Promise<OpenSession>,
  ): Promise<MediaSession> {
    try {
      await connection.setLocalDescription();
      const session = await post(connection.localDescription!.sdp);
      const media = new MediaSession(connection, api, session);
      await connection.setRemoteDescription({ type: "answer", sdp: session.answer }).catch((error) => {
        void media.close();
        throw error;
      });
      return media;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** `disconnected` may yet recover; `failed` and `closed` do not. */
  get isOver(): boolean {
    const { connectionState } = this.connection;
    return connectionState === "failed" || connectionState === "closed" || this.wasEnded;
  }

  /** By the server, which says so by DTLS. Browsers then call the connection connected still. */
  get wasEnded(): boolean {
    return this.connection.getTransceivers()[0]?.receiver.transport?.state === "closed";
  }

  async close(): Promise<void> {
    // Before the connection is closed: that ends the session too, and the request would then fail.
    await this.#api.close(this.#session);
    this.connection.close();
  }
}
