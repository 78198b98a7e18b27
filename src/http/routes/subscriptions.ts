/** Subscriptions: who receives which track in which quality, and the preferences for it. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { SubscriptionId } from "../../base/ids.ts";
import type { Claims } from "../../control/access-token.ts";
import type { RoomStats } from "../../control/media-threads.ts";
import { mayAdminister, type Rooms } from "../../control/rooms.ts";
import type { Subscription } from "../../control/subscription.ts";
import { MEMBER_PROBLEMS, requireMember } from "../authorization.ts";
import { BODY_PROBLEMS, HttpProblem, PATH_PROBLEMS, problemResponses, TOKEN_PROBLEMS } from "../problem.ts";
import { ChangeSubscriptionBody, given, RoomPath, SubscriptionPath, SubscriptionReply } from "../schemas.ts";
import { roomNamed } from "./rooms.ts";

const TAGS = ["subscriptions"];

export const subscriptionRoutes: FastifyPluginAsyncZod<{ rooms: Rooms }> = async (app, { rooms }) => {
  app.get(
    "/v1/rooms/:room/subscriptions",
    {
      schema: {
        tags: TAGS,
        summary: "List the subscriptions of a room",
        description: "With roomAdmin for this room: all of them. With roomJoin: one's own.",
        params: RoomPath,
        response: {
          200: z.object({ subscriptions: z.array(SubscriptionReply) }),
          ...problemResponses(...PATH_PROBLEMS, ...TOKEN_PROBLEMS, ...MEMBER_PROBLEMS),
        },
      },
    },
    async ({ claims, params }) => {
      requireMember(claims, params.room, rooms);
      const room = roomNamed(rooms, params.room);
      const stats = await room.stats();
      const shown = room.subscriptions().filter((subscription) => isTheirs(subscription, claims));
      return { subscriptions: shown.map((subscription) => subscriptionReply(subscription, stats)) };
    },
  );

  app.patch(
    "/v1/rooms/:room/subscriptions/:subscriptionId",
    {
      schema: {
        tags: TAGS,
        summary: "Say what of a subscription is wanted: which layers, in what size",
        description:
          "With roomAdmin for this room: of any. With roomJoin: of one's own. What is not given stays; layers count " +
          "from 0, and one that does not exist means the highest there is.",
        params: SubscriptionPath,
        body: ChangeSubscriptionBody,
        response: {
          200: SubscriptionReply,
          ...problemResponses(
            ...PATH_PROBLEMS,
            ...BODY_PROBLEMS,
            ...TOKEN_PROBLEMS,
            ...MEMBER_PROBLEMS,
            "subscription_not_found",
          ),
        },
      },
    },
    async ({ claims, params, body }) => {
      requireMember(claims, params.room, rooms);
      const room = roomNamed(rooms, params.room);
      const subscription = room.subscription(params.subscriptionId as SubscriptionId);
      // To a member, those of others do not exist: they are not listed either.
      if (subscription === undefined || !isTheirs(subscription, claims)) {
        throw new HttpProblem("subscription_not_found");
      }
      subscription.prefer(given(body));
      return subscriptionReply(subscription, await room.stats());
    },
  );
};

function isTheirs({ subscriber }: Subscription, claims: Claims): boolean {
  return subscriber.identity === claims.identity || mayAdminister(claims, subscriber.room.id);
}

function subscriptionReply(
  subscription: Subscription,
  stats: RoomStats | undefined,
): z.output<typeof SubscriptionReply> {
  const { section, subscriber, track, preference, codec, current, allotted } = subscription;
  const measured = stats?.downTracks.find(({ subscriptionId }) => subscriptionId === section.subscriptionId);
  return {
    id: section.subscriptionId,
    subscriber: subscriber.identity,
    publisher: track?.publisher.identity ?? null,
    track: track?.id ?? null,
    kind: section.kind,
    mid: section.mid,
    preference,
    codec,
    current,
    allotted,
    bitrateBps: measured?.bitrateBps ?? null,
    packets: measured?.packets ?? null,
    retransmitted: measured?.retransmitted ?? null,
    fractionLost: measured?.fractionLost ?? null,
    rttUs: measured === undefined || measured.rttUs === 0 ? null : measured.rttUs,
  };
}
