import Glibc

/// How sure an engine was of its answer: what `results.confidence_score` holds.
///
/// `confidence = exp(1/n · Σ log p(tokenᵢ))` over the n tokens of the answer: the geometric mean of their probabilities, so that a long answer
/// is not held less sure than a short one; 1 is certain. It compares answers of one model; models differ in how well their numbers mean
/// what they say (Guo et al., "On Calibration of Modern Neural Networks", 2017).
///
/// Where an ensemble's engines gave no log-probabilities, the chosen answer's confidence is its agreement: the answers that say the same,
/// divided by the engines that were asked.
public enum Confidence {
    /// - Parameter tokens: in OpenAI's shape, `{"token", "logprob"}` each. Tokens without a number are left out.
    /// - Returns: 0 to 1; nil where no token has a number.
    public static func score(ofTokens tokens: [JSONValue]) -> Double? {
        var sum = 0.0
        var count = 0
        for token in tokens {
            guard let logprob = token["logprob"]?.doubleValue, logprob.isFinite else { continue }
            // A probability is at most 1, whatever an engine says.
            sum += min(0, logprob)
            count += 1
        }
        guard count > 0 else { return nil }
        return exp(sum / Double(count))
    }
}
