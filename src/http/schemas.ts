/** The schemas of the REST API. */
import { z } from "zod";
import { REPORT_REASONS } from "../base/report-reason.ts";
import { ROOM_LIMITS } from "../config/schema.ts";

/** Control decides which names are valid; this only rejects what can never be one. */
const RoomName = z.string().min(1).max(128);
export const RoomPath = z.object({ room: RoomName });
export const ParticipantPath = RoomPath.extend({ identity: z.string().min(1).max(256) });
export const TrackPath = RoomPath.extend({ trackId: z.string().max(64) });
export const SubscriptionPath = RoomPath.extend({ subscriptionId: z.string().max(64) });

const Options = { ...ROOM_LIMITS, locked: z.boolean(), metadata: z.string() };
const OptionalOptions = z.strictObject(Options).partial();

export const CreateRoomBody = OptionalOptions.extend({ name: RoomName });
export const ChangeRoomBody = OptionalOptions.refine(isChange, "must change something");

export const RoomReply = z
  .object({
    id: z.string().meta({ description: "Tells rooms apart that had one name at different times." }),
    name: z.string(),
    createdAt: z.iso.datetime(),
    participants: z.int(),
    tracks: z.int(),
    dominantSpeaker: z.string().nullable().meta({
      description: "Identity of who speaks, or spoke last; null when nobody has, or who did is gone.",
    }),
    ...Options,
  })
  .meta({ id: "Room" });

export const ConnectionReply = z.object({
  id: z.string(),
  state: z.string(),
  estimateBps: z
    .number()
    .nullable()
    .meta({ description: "What its path is thought to carry towards it; null while nothing says." }),
  allottedBps: z.number().nullable().meta({ description: "What of it was dealt out to tracks." }),
  rttUs: z.number().nullable(),
  fractionLost: z.number().nullable().meta({ description: "Of what was sent to it lately." }),
});

export const ParticipantReply = z
  .object({
    id: z.string(),
    identity: z.string(),
    name: z.string(),
    metadata: z.string(),
    attributes: z.record(z.string(), z.string()),
    hidden: z.boolean(),
    joinedAt: z.iso.datetime(),
    connections: z.array(ConnectionReply),
    tracks: z.array(z.string()).meta({ description: "Ids of the tracks it publishes." }),
    speaking: z.boolean(),
    level: z
      .number()
      .meta({ description: "Mean amplitude of its voice in [0, 1]; 0 while it does not speak." }),
  })
  .meta({ id: "Participant" });

export const LobbyReply = z
  .object({
    waiting: z
      .array(z.object({ identity: z.string(), name: z.string(), since: z.iso.datetime() }))
      .meta({ description: "In the order in which they came." }),
  })
  .meta({ id: "Lobby" });

export const DecisionBody = z.strictObject({ admitted: z.boolean() });

/** RFC 3339 §1: years have four digits. */
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");
const FOR_EVER = { description: "Null for ever." };
const Until = z.iso
  .datetime({ offset: true })
  .refine((text) => Date.parse(text) <= LAST_MS, "must be before the year 10000 in UTC");

export const BanBody = z.strictObject({ until: Until.nullable().meta(FOR_EVER) });

export const BanReply = z
  .object({
    identity: z.string(),
    since: z.iso.datetime(),
    until: z.iso.datetime().nullable().meta(FOR_EVER),
  })
  .meta({ id: "Ban" });

const LayersShape = z.strictObject({
  spatial: z.int().min(0).max(3),
  temporal: z.int().min(0).max(7),
});

const LayerReply = z.object({
  spatial: z.int(),
  rid: z.string(),
  active: z.boolean(),
  bitrateBps: z.number(),
  packets: z.number(),
  packetsLost: z.number(),
  maxTemporal: z.int(),
});

export const TrackReply = z
  .object({
    id: z.string(),
    participant: z.string().meta({ description: "Identity of the publisher." }),
    mid: z.string(),
    kind: z.enum(["audio", "video"]),
    source: z.string(),
    codec: z.string().nullable().meta({ description: "Null until media has arrived." }),
    encryption: z.enum(["none", "gcm", "custom"]),
    muted: z.boolean(),
    suspect: z.boolean().meta({
      description:
        "It is declared to be encrypted in LiveKit's format, and its frames do not look so. False where nothing was looked at.",
    }),
    layers: z
      .array(LayerReply)
      .nullable()
      .meta({ description: "As measured, lowest first; null when the media thread did not answer in time." }),
    dependencyDescriptor: z.boolean().nullable(),
    backup: z
      .object({ codec: z.string().nullable(), layers: z.array(LayerReply).nullable() })
      .nullable()
      .meta({ description: "The same video in another codec, for those who can not decode the first." }),
    wantedSpatial: z
      .int()
      .nullable()
      .meta({
        description:
          "The highest spatial layer that any subscriber would have if its path allowed, -1 for none: the publisher may " +
          "stop sending those above. Null while not known, when all of them may be wanted.",
      }),
  })
  .meta({ id: "Track" });

export const ChangeTrackBody = z.strictObject({ muted: z.boolean() });

const VisibleShape = z
  .strictObject({ width: z.int().min(0).max(16_384), height: z.int().min(0).max(16_384) })
  .nullable()
  .meta({
    description:
      "The frame in which the receiver shows the video, in device pixels: it is sent no layer above the lowest that " +
      "covers it. Null for any size.",
  });
const PinnedShape = z.boolean().meta({
  description: "The one to look at: comes first where a path cannot carry everything.",
});

const PreferenceReply = z.object({
  paused: z.boolean(),
  preferred: LayersShape,
  maximum: LayersShape,
  visible: VisibleShape,
  pinned: PinnedShape,
});

export const SubscriptionReply = z
  .object({
    id: z.string(),
    subscriber: z.string().meta({ description: "Identity of the receiver." }),
    publisher: z.string().nullable().meta({ description: "Null while the section carries no track." }),
    track: z.string().nullable(),
    kind: z.enum(["audio", "video"]),
    mid: z.string(),
    preference: PreferenceReply,
    codec: z
      .string()
      .nullable()
      .meta({ description: "In which it gets the track; null while it carries none." }),
    current: LayersShape.nullable().meta({ description: "The layer being sent; null while nothing is." }),
    allotted: z
      .object({ layers: LayersShape.nullable(), reason: z.string() })
      .nullable()
      .meta({ description: "What the receiver's bandwidth allows, and why; null until that was decided." }),
    bitrateBps: z.number().nullable(),
    packets: z.number().nullable(),
    retransmitted: z.number().nullable(),
    fractionLost: z.number().nullable(),
    rttUs: z.number().nullable(),
  })
  .meta({ id: "Subscription" });

export const ChangeSubscriptionBody = z
  .strictObject({
    paused: z.boolean(),
    preferred: LayersShape,
    maximum: LayersShape,
    visible: VisibleShape,
    pinned: PinnedShape,
  })
  .partial()
  .refine(isChange, "must change something");

export const ReportPath = z.object({ reportId: z.string().max(64) });
export const ReportPage = z.strictObject({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .meta({ description: "`next` of the page before; 0 for the first." }),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

const Reason = z.enum(REPORT_REASONS);

export const ReportBody = z.strictObject({
  identity: z.string().min(1).max(256).meta({ description: "Of whom it is about." }),
  reason: Reason,
  comment: z.string().max(2_000).default(""),
});

export const ReportReply = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    room: z.string(),
    roomId: z.string().nullable().meta({ description: "Null when there was no room of this name." }),
    reporter: z.string().meta({ description: "Identity of who has reported." }),
    reporterPresent: z.boolean().meta({ description: "Whether that one was in the room." }),
    identity: z.string().meta({ description: "Of whom it is about, as the reporter wrote it." }),
    present: z.boolean().meta({ description: "Whether that one was in the room." }),
    tracks: z
      .array(
        z.object({
          kind: TrackReply.shape.kind,
          source: z.string(),
          encryption: TrackReply.shape.encryption,
        }),
      )
      .meta({ description: "What that one published, as it was declared." }),
    reason: Reason,
    comment: z.string(),
  })
  .meta({ id: "Report" });

function isChange(body: object): boolean {
  return Object.keys(body).length > 0;
}

/** `body` without absent keys, which zod types as possibly undefined. */
export function given<T extends object>(body: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as never;
}
