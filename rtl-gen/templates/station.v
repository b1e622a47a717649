// Station {{ path }}: one token at a time, from residual stream to {% if head %}token{% else %}residual stream{% endif %}.
module {{ module }} (
  input clk,
  input rst,
  input in_valid,
  input [{{ v * rb }}-1:0] in_data,
  input [{{ header }}-1:0] in_header, // want, {% if lw > 0 %}round, {% endif %}user, position
{%- if rotation %}
  input rot_in_valid,
  input [{{ pp * 32 }}-1:0] rot_in_data,
{%- endif %}
  output ready,
{%- if head %}
  output token_valid,
  input token_ready,
  output [{{ idw }}-1:0] token_id,
  output [{{ lb }}-1:0] token_logit,
  output [{{ header }}-1:0] token_header,
  output logits_valid,
  output [{{ v * lb }}-1:0] logits_data,
  output top_valid,
  output [{{ topw }}-1:0] top_rank,
  output [{{ idw }}-1:0] top_id,
  output [{{ lb }}-1:0] top_logit,
{%- else %}
  output out_valid,
  output [{{ v * rb }}-1:0] out_data,
  output [{{ header }}-1:0] out_header,
  input next_ready,
{%- if lw > 0 %}
  output asks,                   // the token's residual would go on in this cycle if next_ready were high
  output waiting,                // it is in memory and waits
  input turn,                    // all stations of the ring wait for one another: all go on at once
{%- endif %}
{%- if passes %}
  output rot_out_valid,
  output [{{ pp * 32 }}-1:0] rot_out_data,
{%- endif %}
{%- endif %}
  output ovf
);
{%- for n in nets %}
  wire {% if n.width > 1 %}[{{ n.width }}-1:0] {% endif %}{{ n.name }};
{%- endfor %}
  reg busy;
  reg [{{ header }}-1:0] header;
  wire [{{ posw }}-1:0] pos = header[{{ posw }}-1:0];
  wire [{{ uw }}-1:0] user = header[{{ posw }} +: {{ uw }}];
{%- if let Some(s) = skips %}
  // In some rounds a token passes: its residual goes on as it came, and no unit but the last adder sees it.
  localparam [{{ s.rounds }}-1:0] PASSED = { {{- s.passed|expression -}} };
  localparam [{{ s.rounds * lw }}-1:0] LAYERS = { {{- s.layers|expression -}} };
  wire [{{ lw }}-1:0] round = header[{{ posw + uw }} +: {{ lw }}];
  wire [{{ lw }}-1:0] in_round = in_header[{{ posw + uw }} +: {{ lw }}];
  wire [{{ lw }}-1:0] layer = LAYERS[round*{{ lw }} +: {{ lw }}];
  wire passes_now = in_valid && PASSED[in_round];
  reg came, passing;             // the last beat has come in; noughts are added to the residual
  reg [{{ bw }}-1:0] came_beat, pass_beat;
  always @(posedge clk) begin
    came <= passes_now && came_beat == {{ beats - 1 }};
    if (passes_now) came_beat <= (came_beat == {{ beats - 1 }}) ? 0 : came_beat + 1;
    if (came) passing <= 1;
    else if (pass_beat == {{ beats - 1 }}) passing <= 0;
    if (passing) pass_beat <= (pass_beat == {{ beats - 1 }}) ? 0 : pass_beat + 1;
    if (rst) begin
      came <= 0; passing <= 0; came_beat <= 0; pass_beat <= 0;
    end
  end
{%- endif %}
{%- if lw > 0 %}
{%- if skips.is_none() %}
  wire [{{ lw }}-1:0] layer = {% if head %}0{% else %}header[{{ posw + uw }} +: {{ lw }}]{% endif %};
{%- endif %}
{%- if !head %}
  wire [{{ uw + lw }}-1:0] cache_user = layer * {{ users }} + user;
{%- endif %}
{%- endif %}
  assign ready = !busy;
{%- if head %}
  // A token for which no output is wanted ends here.
  reg [{{ bw }}-1:0] beat;
  wire want = busy ? header[{{ header - 1 }}] : in_header[{{ header - 1 }}];
  wire first_valid = in_valid && want;
  reg held;
  assign token_valid = {{ argmax }}_valid || held;
  assign token_header = header;
  always @(posedge clk) begin
    held <= token_valid && !token_ready;
    if (in_valid) begin
      beat <= (beat == {{ beats - 1 }}) ? 0 : beat + 1;
      busy <= want || beat != {{ beats - 1 }};
      if (!busy) header <= in_header;
    end else if (token_valid && token_ready) busy <= 0;
    if (rst) begin
      busy <= 0;
      beat <= 0;
      held <= 0;
    end
  end
{%- else %}
  wire first_valid = in_valid{% if skips.is_some() %} && !PASSED[in_round]{% endif %};
  assign out_header = header;
{%- if lw > 0 %}
  assign asks = {{ last }}_asks;
  assign waiting = {{ last }}_waiting;
  // In a turn the next token comes in as this one leaves; what is in flight belongs to this one until its last beat.
  reg turning;
{%- endif %}
  always @(posedge clk) begin
    if (in_valid && !busy) begin
      busy <= 1;
      header <= in_header;
{%- if lw > 0 %}
    end else if ({{ last }}_last) begin
      busy <= turning;
      turning <= 0;
      if (turning) header <= in_header;
    end
    if (turn) turning <= 1;
    if (rst) turning <= 0;
{%- else %}
    end else if ({{ last }}_last) busy <= 0;
{%- endif %}
    if (rst) busy <= 0;
  end
{%- endif %}
{%- if keeps %}
  wire [{{ rot_beats * pp * 32 }}-1:0] rotation;
  {% if !passes %}
  wire rot_out_valid;
  wire [{{ pp * 32 }}-1:0] rot_out_data;
  {%- endif %}
  hw_rotation #(.PP({{ pp }}), .BEATS({{ rot_beats }})) rotation_store (
    .clk(clk), .rst(rst), .in_valid(rot_in_valid), .in_data(rot_in_data), .next({% if head %}1'b0{% else %}out_valid{% endif %}), .next_last({% if head %}1'b0{% else %}{{ last }}_last{% endif %}),
    .out_valid(rot_out_valid), .out_data(rot_out_data), .rotation(rotation)
  );
{%- endif %}
{% for i in instances %}
{{ i|code }}
{%- endfor %}
{%- if head %}
  assign token_id = {{ argmax }}_data;
  assign token_logit = {{ argmax }}_logit;
  assign logits_valid = {{ logits }}_valid;
  assign logits_data = {{ logits }}_data;
{%- else %}
  assign out_valid = {{ last }}_valid;
  assign out_data = {{ last }}_data;
{%- endif %}
  assign ovf = {{ ovf|expression }};
{%- if probes.len() > 0 %}
`ifdef HW_PROBE
{%- if let Some(s) = skips %}
  localparam [{{ s.rounds * 32 }}-1:0] NUMBERS = { {{- s.numbers|expression -}} };
  wire [31:0] number = NUMBERS[round*32 +: 32];
  wire passed = PASSED[round];
{%- endif %}
{%- for p in probes %}
{{ p|code }}
{%- endfor %}
`endif
{%- endif %}
endmodule
