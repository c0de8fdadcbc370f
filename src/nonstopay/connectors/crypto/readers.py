"""Which reader reads which kind of chain."""

from collections.abc import Mapping, Sequence

from nonstopay.connectors.crypto.evm_network import EvmNetwork, labelled, urls_of
from nonstopay.connectors.crypto.evm_network import connect as connect_evm
from nonstopay.connectors.crypto.evm_reader import EvmReader
from nonstopay.connectors.crypto.json_rpc import JsonRpc
from nonstopay.connectors.crypto.networks import Kind, Network, Networks
from nonstopay.connectors.crypto.reader import Reader
from nonstopay.connectors.crypto.tron_node import TronNode
from nonstopay.connectors.crypto.tron_reader import TronReader
from nonstopay.connectors.crypto.utxo_node import UtxoNode
from nonstopay.connectors.crypto.utxo_reader import UtxoReader
from nonstopay.connectors.http import ProviderHttp


def readers(
    networks: Networks, chains: Mapping[str, Mapping[str, str]], http: ProviderHttp
) -> dict[str, Reader]:
    """The networks that have nodes in the configuration, by name.

    Args:
        chains: the sections `[chain.NETWORK]`.
        http: one that takes long answers: a block of a busy chain is some megabytes
            (`utxo_node.ANSWER_MAX`).

    Raises:
        Misconfigured: as `evm_network.connect`.
    """
    evm = connect_evm(networks, chains, http)
    return {
        name: EvmReader(evm[name]) if name in evm else _reader(networks[name], urls_of(one), http)
        for name, one in chains.items()
    }


def _reader(network: Network, urls: Sequence[str], http: ProviderHttp) -> Reader:
    nodes = labelled(network.name, urls)
    if network.kind is Kind.TRON:
        return TronReader(EvmNetwork(network, [TronNode(http, url, name) for name, url in nodes]))
    return UtxoReader(network, [UtxoNode(JsonRpc(http, url, name)) for name, url in nodes])
