// swift-tools-version: 6.2
import PackageDescription

// One constant for every target: a misspelt feature name is accepted in silence, so it stands only once.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

// Third parties, each with what it earns its place with.
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heaps = Target.Dependency.product(name: "HeapModule", package: "swift-collections")

let package = Package(
    name: "chorus",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "chorus", targets: ["chorus"])
    ],
    dependencies: [
        // The command line: parsing, help, completions.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        // Structured logs behind one API.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        // Counters and times behind one API.
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        // Spans and their context behind one API.
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
        // Ordered start, graceful stop and signals of long-lived parts.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        // The gateway's HTTP server.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        // The HTTP client under NIOURLSession.
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // Event loops and byte buffers that both of these speak.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        // TLS of calls to engines: trust roots, lowest version; TLS of the gateway.
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        // Requests and answers as their parts pass a connection, and the connections' end with the gateway.
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        // Request and response values shared by server and client.
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        // Digests of API keys, scrypt for passwords, signatures of session tokens and webhooks.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        // Deques for bounded buffers, a heap for whose turn it is.
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        // YAML of the engines and configuration files, with line numbers.
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        // Child processes of `chorus dev` and of the tests.
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        // Percentiles of measured times, in `chorus bench`.
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        // File descriptors, as swift-subprocess takes them for a child's log.
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    ],
    targets: [
        // C libraries, as Debian's -dev packages install them.
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),

        // Foundations: these know nothing of Chorus.
        .target(name: "SocketExecutor", swiftSettings: settings),
        .target(
            name: "Postgres",
            dependencies: [
                "CLibPQ", "SocketExecutor", logging, lifecycle, collections,
            ],
            swiftSettings: settings),
        .target(
            name: "AMQP",
            dependencies: [
                "CRabbitMQ", "SocketExecutor", logging, lifecycle, collections,
            ],
            swiftSettings: settings),
        .target(name: "NIOTaskExecutor", dependencies: [nioCore], swiftSettings: settings),
        .target(
            name: "NIOURLSession",
            dependencies: [
                "NIOTaskExecutor", httpTypes, logging, .product(name: "AsyncHTTPClient", package: "async-http-client"),
                nioCore, .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .target(
            name: "NIOHTTPListener",
            dependencies: [
                "NIOTaskExecutor", hummingbird, hummingbirdCore, httpTypes, logging, lifecycle, nioCore,
                .product(name: "NIOExtras", package: "swift-nio-extras"), .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .target(name: "Domain", swiftSettings: settings),

        // Chorus over its three neighbours: the database, the broker, the engines.
        .target(
            name: "Store", dependencies: ["Postgres", "Domain", crypto, cryptoExtras, collections, logging, lifecycle],
            exclude: ["Migrations/README.md"], resources: [.embedInCode("Migrations/SQL")], swiftSettings: settings),
        .target(name: "Queues", dependencies: ["AMQP", "Domain", logging, lifecycle], swiftSettings: settings),
        .target(
            name: "Engines",
            dependencies: ["NIOURLSession", "Domain", httpTypes, logging, tracing, .product(name: "Yams", package: "Yams")],
            swiftSettings: settings),

        // The services.
        .target(name: "Dispatcher", dependencies: ["Store", "Postgres", "Queues", "AMQP", "Domain", heaps, logging, metrics, lifecycle], swiftSettings: settings),
        .target(
            name: "Gateway",
            dependencies: [
                "Store", "Postgres", "Queues", "AMQP", "NIOHTTPListener", "NIOTaskExecutor", "Domain", crypto, hummingbird, hummingbirdCore,
                nioCore, httpTypes, logging, metrics, tracing, lifecycle, .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "Yams", package: "Yams"),
            ],
            resources: [.embedInCode("OpenAPI/Document"), .embedInCode("OpenAPI/Page")], swiftSettings: settings),
        .target(
            name: "Worker",
            dependencies: ["Store", "Postgres", "Queues", "AMQP", "Engines", "SocketExecutor", "Domain", collections, heaps, logging, metrics, tracing, lifecycle],
            swiftSettings: settings),
        .target(
            name: "Operations",
            dependencies: [
                "Store", "Postgres", "Queues", "Domain", "NIOURLSession", "NIOHTTPListener", hummingbird, hummingbirdCore, httpTypes, logging,
                metrics, tracing, lifecycle, nioCore, crypto, collections,
                .product(name: "Subprocess", package: "swift-subprocess"), .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),

        // The command: the only one that sees everything.
        .executableTarget(
            name: "chorus",
            dependencies: [
                "Gateway", "Worker", "Dispatcher", "Operations", "Store", "Queues", "Engines", "NIOURLSession", "Postgres", "AMQP",
                "Domain",
                logging, metrics, tracing, lifecycle, httpTypes, .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
                nioCore, .product(name: "NIOPosix", package: "swift-nio"), .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: settings),

        // What a call costs, beside the same call by AsyncHTTPClient alone.
        .executableTarget(
            name: "engine-calls-benchmark",
            dependencies: [
                "Engines", "NIOURLSession", "Domain", nioCore, logging, .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Benchmarks/EngineCalls", swiftSettings: settings),

        // Tests mirror the modules; TestSupport starts the real servers.
        .target(
            name: "TestSupport", dependencies: ["Operations", "Domain", hummingbird, nioCore, logging], path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(name: "DomainTests", dependencies: ["Domain", "Operations"], swiftSettings: settings),
        .testTarget(
            name: "StoreTests", dependencies: ["Store", "Operations", "Postgres", "Domain", "TestSupport", logging], swiftSettings: settings),
        .testTarget(name: "SocketExecutorTests", dependencies: ["SocketExecutor"], swiftSettings: settings),
        .testTarget(name: "AMQPTests", dependencies: ["AMQP", "TestSupport", logging, lifecycle], swiftSettings: settings),
        .testTarget(name: "QueuesTests", dependencies: ["Queues", "AMQP", "Domain"], swiftSettings: settings),
        .testTarget(name: "DispatcherTests", dependencies: ["Dispatcher", "Queues", "Store", "Operations", "Domain"], swiftSettings: settings),
        .testTarget(
            name: "WorkerTests",
            dependencies: ["Worker", "Engines", "NIOURLSession", "Store", "Postgres", "Domain", "TestSupport", heaps, logging], swiftSettings: settings),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Gateway", "Store", "Postgres", "Queues", "AMQP", "Domain", "NIOURLSession", "TestSupport", "Operations", crypto, hummingbird,
                hummingbirdCore, nioCore, httpTypes, logging, tracing, lifecycle, .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "chorus", "Operations", "Store", "Worker", "TestSupport", "NIOURLSession", "Postgres", "AMQP", "Queues", "Domain", httpTypes,
                logging, nioCore,
            ],
            swiftSettings: settings),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "TestSupport", logging, lifecycle], swiftSettings: settings),
        .testTarget(
            name: "NIOURLSessionTests",
            dependencies: [
                "NIOURLSession", httpTypes, logging, nioCore,
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "NIOHTTPListenerTests",
            dependencies: ["NIOHTTPListener", hummingbird, logging, lifecycle, nioCore, .product(name: "NIOPosix", package: "swift-nio")],
            swiftSettings: settings),
        .testTarget(
            name: "EnginesTests",
            dependencies: ["Engines", "NIOURLSession", "Operations", "Domain", httpTypes, logging, lifecycle],
            swiftSettings: settings),
        .testTarget(
            name: "OperationsTests",
            dependencies: ["Operations", "Store", "Postgres", "TestSupport", "NIOURLSession", "Domain", httpTypes, logging, metrics, tracing, hummingbird, nioCore, lifecycle],
            swiftSettings: settings),
    ]
)
