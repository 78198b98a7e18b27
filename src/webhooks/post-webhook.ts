/** Sends one event to one receiver, signed as LiveKit's receivers expect it. */
import type { AccessTokens } from "../control/access-token.ts";
import type { Post } from "./webhook-sender.ts";

/** `apiKey`: the key whose secret signs. */
export function postWebhook(tokens: AccessTokens, apiKey: string, timeoutSeconds: number): Post {
  return async (url, body) => {
    try {
      const reply = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/webhook+json",
          // The token alone, without a scheme.
          authorization: await tokens.signBody(apiKey, body),
          "user-agent": "blindfold",
        },
        body,
        // Redirects are not followed: the event is meant for this URL only.
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutSeconds * 1000),
      });
      // The body is not needed, however long it is.
      await reply.body?.cancel();
      return { status: reply.status };
    } catch (error) {
      return { error: reasonOf(error) };
    }
  };
}

/** `fetch failed` says nothing: what happened to the connection or the name is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "timeout";
  const cause = error.cause instanceof Error ? error.cause : error;
  return (cause as NodeJS.ErrnoException).code ?? cause.message;
}
