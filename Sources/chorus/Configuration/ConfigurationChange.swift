/// What became different between what a server runs with and what its file says now.
struct ConfigurationChange {
    /// Keys that the server takes up, in the order of the file.
    private(set) var live: [String] = []
    /// Keys that wait for its next start.
    private(set) var waiting: [String] = []
    /// What the server runs with from now on: the new values of the first, the old ones of the others.
    private(set) var effective: ConfigurationSource

    /// Compares what the values mean to a start, and not where they stand.
    init(from running: ConfigurationSource, to new: ConfigurationSource) {
        effective = running
        for key in ConfigurationKey.all where running[key.name].text != new[key.name].text {
            if key.isLive {
                live.append(key.name)
                effective[key.name] = new[key.name]
            } else {
                waiting.append(key.name)
            }
        }
    }
}
