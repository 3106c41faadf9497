import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.DebeziumEngine.RecordCommitter;
import io.debezium.engine.format.JsonByteArray;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Debezium's embedded engine with the plainest consumer there is: every change into a file or a topic.
 *
 * <p>Takes two properties files: the engine's, and the sink's ("path", or "topic", "keyed" and what the Kafka producer
 * takes). A batch is acknowledged when all of it is written or acknowledged by the broker, as Debezium's own sinks do.
 */
public final class Reader {

    private Reader() {
    }

    public static void main(String[] args) throws Exception {
        Properties engineSettings = load(args[0]);
        Properties sinkSettings = load(args[1]);
        Sink sink = sinkSettings.containsKey("path") ? new FileSink(sinkSettings) : new KafkaSink(sinkSettings);
        DebeziumEngine<ChangeEvent<byte[], byte[]>> engine = DebeziumEngine.create(JsonByteArray.class)
                .using(engineSettings)
                .using((success, message, error) -> {
                    if (!success) {
                        System.err.println(message);
                        error.printStackTrace();
                    }
                })
                .notifying((changes, committer) -> take(changes, committer, sink))
                .build();
        engine.run();
    }

    private static void take(
            List<ChangeEvent<byte[], byte[]>> changes, RecordCommitter<ChangeEvent<byte[], byte[]>> committer, Sink sink)
            throws InterruptedException {
        try {
            sink.write(changes);
        }
        catch (IOException | ExecutionException error) {
            throw new IllegalStateException(error);
        }
        for (ChangeEvent<byte[], byte[]> change : changes) {
            committer.markProcessed(change);
        }
        committer.markBatchFinished();
    }

    private static Properties load(String path) throws IOException {
        Properties settings = new Properties();
        try (var reader = Files.newBufferedReader(Path.of(path))) {
            settings.load(reader);
        }
        return settings;
    }

    private interface Sink {
        void write(List<ChangeEvent<byte[], byte[]>> changes)
                throws IOException, InterruptedException, ExecutionException;
    }

    private static final class FileSink implements Sink {
        private final OutputStream out;

        FileSink(Properties settings) throws IOException {
            out = new BufferedOutputStream(Files.newOutputStream(Path.of(settings.getProperty("path"))), 1 << 20);
        }

        @Override
        public void write(List<ChangeEvent<byte[], byte[]>> changes) throws IOException {
            for (ChangeEvent<byte[], byte[]> change : changes) {
                out.write(change.value());
                out.write('\n');
            }
            out.flush();
        }
    }

    private static final class KafkaSink implements Sink {
        private final KafkaProducer<byte[], byte[]> producer;
        private final String topic;
        private final boolean keyed;

        KafkaSink(Properties settings) {
            topic = (String) settings.remove("topic");
            keyed = Boolean.parseBoolean((String) settings.remove("keyed"));
            producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        }

        @Override
        public void write(List<ChangeEvent<byte[], byte[]>> changes) throws InterruptedException, ExecutionException {
            List<Future<RecordMetadata>> sent = new ArrayList<>(changes.size());
            for (ChangeEvent<byte[], byte[]> change : changes) {
                sent.add(producer.send(new ProducerRecord<>(topic, keyed ? change.key() : null, change.value())));
            }
            producer.flush();
            for (Future<RecordMetadata> one : sent) {
                one.get();
            }
        }
    }
}
