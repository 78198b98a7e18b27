import { CounterCipher } from "../../src/portable/counter-cipher.ts";
import { GcmCipher } from "../../src/portable/gcm-cipher.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { describeSrtpCipher } from "../srtp/cipher-conformance.ts";
import { describeSessionKeyVectors } from "../srtp/session-key-vectors.ts";

describeSrtpCipher("portable", portableCipherFactory);
describeSessionKeyVectors("portable", GcmCipher, CounterCipher);
