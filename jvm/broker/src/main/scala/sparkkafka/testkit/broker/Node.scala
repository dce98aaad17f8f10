package sparkkafka.testkit.broker

import java.util.Properties

import kafka.server.KafkaConfig
import kafka.server.KafkaRaftServer
import org.apache.kafka.common.Uuid
import org.apache.kafka.common.utils.Time
import org.apache.kafka.metadata.storage.Formatter

/** An unmodified Kafka node, both broker and controller. Its storage is formatted in this JVM,
  * because a second JVM for `kafka-storage format` would cost more than the start itself.
  */
private[broker] final class Node(properties: Properties) {
  private var server: Option[KafkaRaftServer] = None

  def start(): Unit = {
    val config = new KafkaConfig(properties)
    format(config)
    val started = new KafkaRaftServer(config, Time.SYSTEM)
    server = Some(started)
    started.startup()
  }

  def stop(): Unit = server.foreach { running =>
    running.shutdown()
    running.awaitShutdown()
  }

  private def format(config: KafkaConfig): Unit = {
    val formatter = new Formatter()
      .setPrintStream(System.err)
      .setNodeId(config.nodeId)
      .setClusterId(properties.getProperty(Node.clusterId, Uuid.randomUuid().toString))
      .setControllerListenerName(config.controllerListenerNames.get(0))
      .setMetadataLogDirectory(config.metadataLogDir)
      .setHasDynamicQuorum(false)
      .setIgnoreFormatted(true) // a killed node may be started again with its data
    config.logDirs.forEach(directory => { formatter.addDirectory(directory); () })
    formatter.run()
  }
}

private[broker] object Node {

  /** The one setting that does not belong to Kafka. Nodes with the same cluster id form a cluster.
    */
  val clusterId: String = "spark.kafka.testkit.cluster.id"
}
