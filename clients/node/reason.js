// What went wrong, in one sentence with its stable reason.

import { fileURLToPath } from "node:url";
import protoLoader from "@grpc/proto-loader";

const messages = protoLoader.loadSync(fileURLToPath(new URL("google_rpc.proto", import.meta.url)));
const Status = messages["google.rpc.Status"];
const ErrorInfo = messages["google.rpc.ErrorInfo"];

// The sentence for a failed call, such as "There is no preset "fast". (UNKNOWN_PRESET)", or for any other error.
// docs/errors.md lists the reasons.
export function sentence(error) {
  const reason = reasonOf(error);
  const text = error.details || error.message;
  return reason ? `${text} (${reason})` : text;
}

// The reason of the google.rpc.ErrorInfo in the call's trailer; undefined if it has none.
export function reasonOf(error) {
  const [trailer] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!trailer) return undefined;
  for (const detail of Status.deserialize(trailer).details) {
    if (detail.type_url.endsWith("/google.rpc.ErrorInfo")) return ErrorInfo.deserialize(detail.value).reason;
  }
  return undefined;
}
