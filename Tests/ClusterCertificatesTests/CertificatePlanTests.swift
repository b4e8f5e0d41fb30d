import Foundation
import KubernetesClient
import NIOSSL
import Testing

@testable import ClusterCertificates

@Suite struct CertificatePlanTests {
    private let plan = CertificatePlan(
        names: ["weir.weir.svc", "weir.weir.svc.cluster.local"], authorityLifetime: .seconds(3000),
        servingLifetime: .seconds(900), overlap: .seconds(100))
    private let start: Int64 = 1_700_000_000

    /// Whether a client that trusts `bundle` takes what is served.
    private func isTrusted(_ state: CertificateState, by bundle: String) throws -> Bool {
        guard let serving = CertificateFacts(pem: state.servingCertificate) else { return false }
        let authorities = try NIOSSLCertificate.fromPEMBytes(Array(bundle.utf8))
        #expect(!authorities.isEmpty)
        return bundle.components(separatedBy: "-----BEGIN").dropFirst().contains { part in
            CertificateFacts(pem: "-----BEGIN" + part).map { serving.isIssued(by: $0) } ?? false
        }
    }

    @Test
    func `what there is not is made, for the names, and then left alone`() throws {
        let state = try #require(try plan.change(of: nil, now: start, isBundleKnown: false))
        let facts = try #require(CertificateFacts(pem: state.servingCertificate))
        #expect(facts.names == Set(plan.names))
        #expect(facts.notAfter == start + 900)
        #expect(state.bundle == state.authority.certificate)
        #expect(try isTrusted(state, by: state.bundle))
        #expect(try plan.change(of: state, now: start + 400, isBundleKnown: true) == nil)
        let read = try #require(CertificateState(secret: ["data": state.data]))
        #expect(read == state)
    }

    @Test
    func `a serving certificate is renewed in time, or when the names change, by the same authority`() throws {
        let state = try #require(try plan.change(of: nil, now: start, isBundleKnown: false))
        let renewed = try #require(try plan.change(of: state, now: start + 600, isBundleKnown: true))
        #expect(renewed.authority == state.authority && renewed.servingCertificate != state.servingCertificate)
        var other = plan
        other.names = ["another.svc"]
        let renamed = try #require(try other.change(of: state, now: start + 1, isBundleKnown: true))
        #expect(CertificateFacts(pem: renamed.servingCertificate)?.names == ["another.svc"])
        #expect(renamed.authority == state.authority)
    }

    @Test
    func `an authority is rotated so that at no moment a client meets what it does not trust`() throws {
        var state = try #require(try plan.change(of: nil, now: start, isBundleKnown: false))
        let first = state.authority
        /// What an API server trusts at worst: the bundle of one state ago.
        var trusted = state.bundle
        var steps: [String] = []
        var now = start
        while now < start + 2800 {
            now += 10
            if let change = try plan.change(of: state, now: now, isBundleKnown: true) {
                #expect(try isTrusted(change, by: trusted), "an old bundle at \(now - start)")
                #expect(try isTrusted(state, by: change.bundle), "an old certificate at \(now - start)")
                if change.next != nil, state.next == nil { steps.append("next") }
                if change.authority != state.authority { steps.append("change") }
                if change.previous == nil, state.previous != nil { steps.append("dropped") }
                trusted = change.bundle
                state = change
            }
        }
        #expect(steps == ["next", "change", "dropped"])
        #expect(state.authority != first)
        #expect(!state.bundle.contains(first.certificate))
    }

    @Test
    func `an authority does not sign before the bundle is known, and the overlap is over`() throws {
        var state = try #require(try plan.change(of: nil, now: start, isBundleKnown: false))
        var now = start + 2010
        while state.next == nil { state = try #require(try plan.change(of: state, now: now, isBundleKnown: true)) }
        now += 50
        #expect(try plan.change(of: state, now: now, isBundleKnown: true) == nil)
        now += 60
        #expect(try plan.change(of: state, now: now, isBundleKnown: false) == nil)
        let changed = try #require(try plan.change(of: state, now: now, isBundleKnown: true))
        #expect(changed.previous == state.authority.certificate)
        #expect(changed.authority == state.next)
    }

    @Test
    func `what is over or cannot be read is made anew`() throws {
        let state = try #require(try plan.change(of: nil, now: start, isBundleKnown: false))
        let late = try #require(try plan.change(of: state, now: start + 3001, isBundleKnown: true))
        #expect(late.authority != state.authority)
        var broken = state
        broken.authority.certificate = "nonsense"
        #expect(try plan.change(of: broken, now: start, isBundleKnown: true) != nil)
        #expect(CertificateState(secret: ["data": ["tls.crt": "%%%"]]) == nil)
        #expect(CertificateState(secret: [:]) == nil)
    }
}
