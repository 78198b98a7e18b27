/**
 * Goal: a video in two codecs is one track to everybody, and each subscriber gets the stream that it can decode; its
 * publisher is asked for the second only while somebody needs it.
 * Method: control over a thread that says what a test wants it to say.
 */
import { describe, expect, test } from "vitest";
import type { PayloadParams } from "../../src/contract/media.ts";
import type { Subscription } from "../../src/control/subscription.ts";
import type { Track } from "../../src/control/track.ts";
import type { Transport } from "../../src/control/transport.ts";
import {
  type Conference,
  claims,
  conference,
  connect,
  grants,
  must,
  REMOTE,
  section,
  VP8,
  VP9,
} from "./conference.ts";

interface Stage extends Conference {
  readonly publisher: Transport;
  readonly track: Track;
  /** Each time that the demand of the track has changed: whether it needs a backup. */
  readonly needs: boolean[];
  readonly watch: (identity: string, payloads: readonly PayloadParams[]) => Subscription;
  readonly addBackup: (replaces: boolean) => Track;
}

/** ada sends VP9. */
function stage(): Stage {
  const hall = conference();
  const publisher = connect(hall.rooms, "ada");
  const track = must(publisher.publish(section("video", { payloads: [VP9] })));
  const needs: boolean[] = [];
  track.onDemandChanged(() => needs.push(track.needsBackup));
  hall.thread.codec(track.id, VP9);
  const watch = (identity: string, payloads: readonly PayloadParams[]): Subscription => {
    const transport = connect(hall.rooms, identity);
    return must(transport.addSlot({ kind: "video", mid: "0", payloads, reserved: track }));
  };
  const addBackup = (replaces: boolean): Track => {
    const backup = must(
      publisher.publishBackup(track, section("video", { mid: "b", payloads: [VP8] }), replaces),
    );
    hall.thread.codec(backup.id, VP8);
    return backup;
  };
  return { ...hall, publisher, track, needs, watch, addBackup };
}

const leave = ({ subscriber }: Subscription): void => subscriber.leave("client_left");

test("who can decode nothing of a track makes it need a backup, for as long as that lasts", () => {
  const { needs, watch } = stage();
  watch("bo", [VP8, VP9]);
  expect(needs).toEqual([]);
  const cy = watch("cy", [VP8]);
  const di = watch("di", [VP8]);
  expect(needs).toEqual([true]);
  leave(cy);
  expect(needs).toEqual([true]);
  leave(di);
  expect(needs).toEqual([true, false]);
});

test("who has not said what it takes does not need one yet, and a section that goes does not any more", () => {
  const { needs, watch, track } = stage();
  const bo = watch("bo", []);
  const [transport] = bo.subscriber.transports;
  expect(needs).toEqual([]);
  bo.negotiated([VP8]);
  transport!.deal([track]);
  expect(needs).toEqual([true]);
  transport!.removeSlot(bo);
  expect(needs).toEqual([true, false]);
});

test("a viewer of the whole room needs one when no section of its own can carry the track", () => {
  const { needs, rooms } = stage();
  const bo = connect(rooms, "bo");
  must(bo.addSlot({ kind: "audio", mid: "0", payloads: [] }));
  must(bo.watch({}));
  expect(needs).toEqual([]);
  must(bo.addSlot({ kind: "video", mid: "1", payloads: [VP8] }));
  expect(needs).toEqual([true]);
});

describe("a backup", () => {
  test("beside the first codec goes to those who can not decode that", () => {
    const { watch, addBackup, track, thread } = stage();
    const bo = watch("bo", [VP8, VP9]);
    const cy = watch("cy", [VP8]);
    const backup = addBackup(false);
    expect([bo, cy].map((one) => [one.track, one.codec])).toEqual([
      [track, "VP9"],
      [track, "VP8"],
    ]);
    expect(thread.sent("down-track.source").at(-1)).toMatchObject({
      subscriptionId: cy.section.subscriptionId,
      source: { trackId: backup.id, payload: VP8 },
    });
  });

  test("in place of the first codec goes to all who can decode it, as soon as it has media", () => {
    const { watch, publisher, track, thread } = stage();
    const bo = watch("bo", [VP8, VP9]);
    const di = watch("di", [VP9]);
    const backup = must(
      publisher.publishBackup(track, section("video", { mid: "b", payloads: [VP8] }), true),
    );
    expect(bo.codec).toBe("VP9");
    thread.codec(backup.id, VP8);
    expect([bo.codec, di.codec]).toEqual(["VP8", "VP9"]);
  });

  test("is no track of its own: not in lists, counts, limits and events", () => {
    const { rooms, publisher, track, addBackup } = stage();
    const told: string[] = [];
    rooms.events.on(({ kind }) => told.push(kind));
    const backup = addBackup(false);
    expect(rooms.get("hall")!.tracks()).toEqual([track]);
    expect(publisher.trackCount).toBe(1);
    expect(told).toEqual(["track.described", "track.codec"]);
    expect([track.backup, backup.primary]).toEqual([backup, track]);
  });

  test("is muted, and ends, with its track", () => {
    const { publisher, track, thread, addBackup } = stage();
    const backup = addBackup(false);
    track.setMuted(true);
    expect(thread.sent("up-track.mute").map(({ trackId }) => trackId)).toEqual([track.id, backup.id]);
    publisher.unpublish(track);
    expect(thread.sent("up-track.remove").map(({ trackId }) => trackId)).toEqual([track.id, backup.id]);
  });

  test("that ends leaves its viewers in need", () => {
    const { publisher, watch, track, needs, addBackup } = stage();
    const cy = watch("cy", [VP8]);
    addBackup(true);
    publisher.unpublishBackup(track);
    expect([cy.track, track.backup]).toEqual([null, null]);
    expect(track.needsBackup).toBe(true);
    expect(needs.at(-1)).toBe(true);
  });

  test("tells what is wanted of it", () => {
    const { thread, track, needs, addBackup } = stage();
    const backup = addBackup(false);
    const before = needs.length;
    thread.emit({ kind: "up-track.wanted", trackId: backup.id, spatial: 1 });
    expect([backup.wanted, track.wanted, needs.length]).toEqual([1, null, before + 1]);
  });
});

describe("a track with a backup that is forwarded to another room", () => {
  function forwarded() {
    const scene = stage();
    const { rooms, publisher } = scene;
    must(rooms.create("attic"));
    must(rooms.forward(publisher.participant, "attic"));
    const [track] = rooms.get("attic")!.tracks();
    const watchAbove = (identity: string, payloads: readonly PayloadParams[]): Subscription => {
      const participant = must(rooms.join("attic", claims(identity, { room: "attic" })));
      const transport = must(participant.openTransport(grants({ room: "attic" }), REMOTE));
      return must(transport.addSlot({ kind: "video", mid: "0", payloads, reserved: track! }));
    };
    return { ...scene, above: track!, watchAbove };
  }

  test("needs it where somebody needs it, and is received in it", () => {
    const { needs, above, watchAbove, addBackup, track, publisher, thread } = forwarded();
    const cy = watchAbove("cy", [VP8]);
    expect(needs.at(-1)).toBe(true);
    const backup = addBackup(false);
    expect([cy.track, cy.codec]).toEqual([above, "VP8"]);
    const source = thread.sent("down-track.source").at(-1)!.source!;
    expect(source.trackId).toBe(above.backup!.id);
    expect(thread.sent("up-track.pipe")).toMatchObject([{ trackId: backup.id }]);
    thread.emit({ kind: "up-track.wanted", trackId: above.backup!.id, spatial: 2 });
    thread.emit({ kind: "up-track.wanted", trackId: backup.id, spatial: -1 });
    expect(backup.wanted).toBe(2);
    publisher.unpublishBackup(track);
    expect([cy.track, above.backup]).toEqual([null, null]);
    expect(thread.sent("piped-track.remove")).toHaveLength(1);
  });

  test("needs it no more when it is not forwarded any more", () => {
    const { needs, rooms, watchAbove } = forwarded();
    watchAbove("cy", [VP8]);
    rooms.get("attic")!.participant("ada")!.leave("participant_removed");
    expect(needs).toEqual([true, false]);
  });

  test("is muted in either", () => {
    const { above, watchAbove, addBackup, track, thread } = forwarded();
    watchAbove("cy", [VP8]);
    addBackup(false);
    above.setMuted(true);
    expect(thread.sent("up-track.mute")).toMatchObject([{ trackId: above.backup!.id, muted: true }]);
    above.setMuted(false);
    track.setMuted(true);
    expect(thread.sent("up-track.mute").at(-1)).toMatchObject({ trackId: above.backup!.id, muted: true });
  });
});
