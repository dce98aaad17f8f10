import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.HashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

/**
 * The plain loops that the kit is compared with: what one would write in Java, with Kafka's clients and
 * nothing else. Commands come on stdin, one a line; each is answered with one line: seconds, or an error.
 *
 *   produce TOPIC COUNT PLAIN|TUNED     the records of messages() in world.py
 *   consume TOPIC PLAIN|TUNED           from the beginning to the end offsets
 *
 * The records are made before the clock starts. Clients are made once and kept, as the kit keeps its own.
 */
public class PlainLoop {
    private static final Map<String, KafkaProducer<String, String>> producers = new HashMap<>();
    private static final Map<String, KafkaConsumer<String, String>> consumers = new HashMap<>();
    private static String[] keys = new String[0];
    private static String[] values = new String[0];

    public static void main(String[] args) throws Exception {
        String address = args[0];
        int valueLength = Integer.parseInt(args[1]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            try {
                double seconds = words[0].equals("produce")
                    ? produce(address, words[1], Integer.parseInt(words[2]), valueLength, words[3])
                    : consume(address, words[1], words[2]);
                System.out.println(seconds);
            } catch (Exception failure) {
                System.out.println("failed: " + failure);
            }
        }
        producers.values().forEach(producer -> producer.close(Duration.ZERO));
        consumers.values().forEach(consumer -> consumer.close(Duration.ZERO));
    }

    private static double produce(String address, String topic, int count, int valueLength, String mode) {
        makeRecords(count, valueLength);
        KafkaProducer<String, String> producer = producers.computeIfAbsent(mode, any -> producer(address, mode));
        AtomicLong failed = new AtomicLong();
        producer.partitionsFor(topic);
        long start = System.nanoTime();
        for (int i = 0; i < count; i++) {
            producer.send(new ProducerRecord<>(topic, keys[i], values[i]), (metadata, failure) -> {
                if (failure != null) failed.incrementAndGet();
            });
        }
        producer.flush();
        double seconds = (System.nanoTime() - start) / 1e9;
        if (failed.get() > 0) throw new IllegalStateException(failed + " records were not acknowledged");
        return seconds;
    }

    private static void makeRecords(int count, int valueLength) {
        if (keys.length == count) return;
        keys = new String[count];
        values = new String[count];
        String filling = "x".repeat(valueLength - 10);
        for (int i = 0; i < count; i++) {
            String number = String.format("%09d", i);
            keys[i] = "k" + number;
            values[i] = "v" + number + filling;
        }
        System.gc();
    }

    private static double consume(String address, String topic, String mode) {
        KafkaConsumer<String, String> consumer = consumers.computeIfAbsent(mode, any -> consumer(address, mode));
        long start = System.nanoTime();
        List<TopicPartition> partitions = new ArrayList<>();
        for (PartitionInfo info : consumer.partitionsFor(topic)) {
            partitions.add(new TopicPartition(topic, info.partition()));
        }
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        long characters = 0;
        while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
            for (ConsumerRecord<String, String> record : records) {
                characters += record.key().length() + record.value().length();
            }
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        consumer.unsubscribe();
        if (characters == 0) throw new IllegalStateException("nothing was read");
        return seconds;
    }

    private static KafkaProducer<String, String> producer(String address, String mode) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", address);
        settings.put("acks", "all");
        settings.put("enable.idempotence", "true");
        if (mode.equals("TUNED")) { // the kit's own settings
            settings.put("linger.ms", "20");
            settings.put("batch.size", String.valueOf(256 << 10));
            settings.put("buffer.memory", String.valueOf(64 << 20));
            settings.put("send.buffer.bytes", "-1");
        }
        settings.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        settings.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        return new KafkaProducer<>(settings);
    }

    private static KafkaConsumer<String, String> consumer(String address, String mode) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", address);
        settings.put("enable.auto.commit", "false");
        settings.put("isolation.level", "read_committed");
        if (mode.equals("TUNED")) { // the kit's own settings
            settings.put("receive.buffer.bytes", "-1");
            settings.put("max.partition.fetch.bytes", String.valueOf(2 << 20));
            settings.put("max.poll.records", "8192");
            settings.put("fetch.max.wait.ms", "1");
        }
        settings.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        settings.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        return new KafkaConsumer<>(settings);
    }
}
