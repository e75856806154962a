// SPDX-License-Identifier: Apache-2.0
//
// Prints the bytes of tests/unit/membership/kafka/golden_requests.h, as Kafka's own classes write them:
//
//     javac -cp kafka-clients-4.3.1.jar GoldenRequests.java && java -cp .:kafka-clients-4.3.1.jar:slf4j-api-1.7.36.jar GoldenRequests
//
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocol;
import org.apache.kafka.common.message.JoinGroupRequestData.JoinGroupRequestProtocolCollection;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

public final class GoldenRequests {
    private static final ByteBuffer METADATA = ByteBuffer.wrap(new byte[] {1, 2, 3});

    private static void print(String name, Message message, int version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer bytes = ByteBuffer.allocate(message.size(cache, (short) version));
        message.write(new ByteBufferAccessor(bytes), cache, (short) version);
        StringBuilder hex = new StringBuilder();
        for (byte b : bytes.array()) {
            hex.append(String.format("%02x", b));
        }
        System.out.println("static const char " + name + "[] =");
        for (int i = 0; i < hex.length(); i += 88) {
            int end = Math.min(hex.length(), i + 88);
            System.out.println("    \"" + hex.substring(i, end) + "\"" + (end == hex.length() ? ";" : ""));
        }
    }

    private static void requests() {
        print("golden_request_header", new RequestHeaderData().setRequestApiKey((short) 12).setRequestApiVersion((short) 4)
            .setCorrelationId(77).setClientId("client"), 2);
        print("golden_find_coordinator", new FindCoordinatorRequestData().setKey("app").setKeyType((byte) 0), 3);
        JoinGroupRequestProtocolCollection protocols = new JoinGroupRequestProtocolCollection();
        protocols.add(new JoinGroupRequestProtocol().setName("kstreams").setMetadata(METADATA.array()));
        JoinGroupRequestData join = new JoinGroupRequestData().setGroupId("app").setSessionTimeoutMs(45000).setRebalanceTimeoutMs(300000)
            .setMemberId("member-1").setProtocolType("consumer").setProtocols(protocols);
        print("golden_join", join, 7);
        print("golden_join_static", join.setGroupInstanceId("instance-1").setMemberId(""), 7);
        SyncGroupRequestData sync = new SyncGroupRequestData().setGroupId("app").setGenerationId(5).setMemberId("member-1")
            .setProtocolType("consumer").setProtocolName("kstreams");
        print("golden_sync_follower", sync, 5);
        print("golden_sync_leader", sync.setGroupInstanceId("instance-1").setAssignments(List.of(
            new SyncGroupRequestData.SyncGroupRequestAssignment().setMemberId("member-1").setAssignment(new byte[] {9}),
            new SyncGroupRequestData.SyncGroupRequestAssignment().setMemberId("member-2").setAssignment(new byte[] {}))), 5);
        print("golden_heartbeat", new HeartbeatRequestData().setGroupId("app").setGenerationId(5).setMemberId("member-1"), 4);
        print("golden_leave", new LeaveGroupRequestData().setGroupId("app").setMembers(List.of(
            new LeaveGroupRequestData.MemberIdentity().setMemberId("member-1").setGroupInstanceId("instance-1"))), 4);
        print("golden_commit", new OffsetCommitRequestData().setGroupId("app").setGenerationIdOrMemberEpoch(5).setMemberId("member-1")
            .setTopics(List.of(
                new OffsetCommitRequestData.OffsetCommitRequestTopic().setName("a").setPartitions(List.of(
                    new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(0).setCommittedOffset(10)
                        .setCommittedMetadata("text"),
                    new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(3).setCommittedOffset(5000000000L)
                        .setCommittedMetadata(null))),
                new OffsetCommitRequestData.OffsetCommitRequestTopic().setName("b").setPartitions(List.of(
                    new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(1).setCommittedOffset(0)
                        .setCommittedMetadata(""))))), 8);
        print("golden_commit_nobody", new OffsetCommitRequestData().setGroupId("app").setGenerationIdOrMemberEpoch(-1).setMemberId(""), 8);
        print("golden_fetch", new OffsetFetchRequestData().setGroupId("app").setRequireStable(true).setTopics(List.of(
            new OffsetFetchRequestData.OffsetFetchRequestTopic().setName("a").setPartitionIndexes(List.of(0, 3)),
            new OffsetFetchRequestData.OffsetFetchRequestTopic().setName("b").setPartitionIndexes(List.of(1)))), 7);
    }

    private static void responses() {
        print("golden_found", new FindCoordinatorResponseData().setThrottleTimeMs(3).setErrorCode((short) 0).setErrorMessage("NONE")
            .setNodeId(2).setHost("broker-2").setPort(9093), 3);
        print("golden_joined", new JoinGroupResponseData().setThrottleTimeMs(3).setErrorCode((short) 0).setGenerationId(5)
            .setProtocolType("consumer").setProtocolName("kstreams").setLeader("member-1").setMemberId("member-1").setMembers(List.of(
                new JoinGroupResponseData.JoinGroupResponseMember().setMemberId("member-1").setMetadata(METADATA.array()),
                new JoinGroupResponseData.JoinGroupResponseMember().setMemberId("member-2").setGroupInstanceId("instance-2")
                    .setMetadata(new byte[] {}))), 7);
        print("golden_member_id_required", new JoinGroupResponseData().setErrorCode((short) 79).setGenerationId(-1).setProtocolType(null)
            .setProtocolName(null).setLeader("").setMemberId("member-1"), 7);
        print("golden_synced", new SyncGroupResponseData().setThrottleTimeMs(0).setErrorCode((short) 27).setProtocolType("consumer")
            .setProtocolName("kstreams").setAssignment(METADATA.array()), 5);
        print("golden_heartbeat_answer", new HeartbeatResponseData().setThrottleTimeMs(250).setErrorCode((short) 27), 4);
        print("golden_left", new LeaveGroupResponseData().setErrorCode((short) 0).setMembers(List.of(
            new LeaveGroupResponseData.MemberResponse().setMemberId("member-1").setGroupInstanceId(null).setErrorCode((short) 25))), 4);
        print("golden_committed", new OffsetCommitResponseData().setThrottleTimeMs(1).setTopics(List.of(
            new OffsetCommitResponseData.OffsetCommitResponseTopic().setName("a").setPartitions(List.of(
                new OffsetCommitResponseData.OffsetCommitResponsePartition().setPartitionIndex(0).setErrorCode((short) 0),
                new OffsetCommitResponseData.OffsetCommitResponsePartition().setPartitionIndex(3).setErrorCode((short) 22))),
            new OffsetCommitResponseData.OffsetCommitResponseTopic().setName("b").setPartitions(List.of(
                new OffsetCommitResponseData.OffsetCommitResponsePartition().setPartitionIndex(1).setErrorCode((short) 3))))), 8);
        print("golden_fetched", new OffsetFetchResponseData().setThrottleTimeMs(1).setErrorCode((short) 0).setTopics(List.of(
            new OffsetFetchResponseData.OffsetFetchResponseTopic().setName("a").setPartitions(List.of(
                new OffsetFetchResponseData.OffsetFetchResponsePartition().setPartitionIndex(0).setCommittedOffset(10).setMetadata("text"),
                new OffsetFetchResponseData.OffsetFetchResponsePartition().setPartitionIndex(3).setCommittedOffset(-1).setMetadata("")
                    .setErrorCode((short) 88))))), 7);
        ApiVersionsResponseData.ApiVersionCollection apis = new ApiVersionsResponseData.ApiVersionCollection();
        int[][] versions = {{8, 2, 10}, {9, 1, 10}, {10, 0, 6}, {11, 0, 9}, {12, 0, 4}, {13, 0, 5}, {14, 0, 5}, {18, 0, 4}, {88, 0, 0}};
        for (int[] row : versions) {
            apis.add(new ApiVersionsResponseData.ApiVersion().setApiKey((short) row[0]).setMinVersion((short) row[1])
                .setMaxVersion((short) row[2]));
        }
        ApiVersionsResponseData.SupportedFeatureKeyCollection features = new ApiVersionsResponseData.SupportedFeatureKeyCollection();
        features.add(new ApiVersionsResponseData.SupportedFeatureKey().setName("streams.version").setMinVersion((short) 1)
            .setMaxVersion((short) 1));
        print("golden_versions", new ApiVersionsResponseData().setApiKeys(apis).setThrottleTimeMs(0).setSupportedFeatures(features)
            .setFinalizedFeaturesEpoch(7), 3);
    }

    public static void main(String[] arguments) {
        requests();
        responses();
    }
}
